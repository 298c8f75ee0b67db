# gaejang. One flat file; `make help` lists the targets. Programs: one line each under "programs".
# Sources are found by folder, so a new file needs no line here; a new program does.

CC       ?= gcc
PKGS      = libcurl openssl libcjson libsodium libmariadb inih
PKGS_WS   = libwebsockets
BUILD    ?= build/plain
BIN      ?= bin
OPT      ?= -O2 -g
SAN      ?=
WARN      = -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 \
            -Wundef -Wpointer-arith -Wcast-qual -Werror
HARD      = -fstack-protector-strong -fstack-clash-protection -fcf-protection -fPIE -fno-strict-overflow \
            -ftrivial-auto-var-init=zero -D_FORTIFY_SOURCE=2
HARD_LD   = -pie -Wl,-z,relro,-z,now,-z,noexecstack
CPPFLAGS  = -I. -I$(BUILD)/gen -D_GNU_SOURCE $(if $(SAN),-U_FORTIFY_SOURCE,)
CFLAGS    = -std=gnu17 $(OPT) $(WARN) $(if $(SAN),$(filter-out -D_FORTIFY_SOURCE=2,$(HARD)),$(HARD)) $(SAN) \
            -pthread $(shell pkg-config --cflags $(PKGS) $(PKGS_WS))
LDFLAGS   = $(HARD_LD) $(SAN) -pthread
LIBS_CORE = $(shell pkg-config --libs libsodium inih) -lm
LIBS_DB   = $(shell pkg-config --libs libmariadb)
LIBS_NET  = $(shell pkg-config --libs libcurl openssl libcjson)
LIBS_WS   = $(shell pkg-config --libs $(PKGS_WS))

# ---- sources by room ---------------------------------------------------------------------------------------------
ROOM_base   := $(wildcard shared/base/*.c)
ROOM_trade  := $(wildcard shared/trade/*.c)
ROOM_kis    := $(wildcard shared/kis/*.c)
ROOM_store  := $(wildcard shared/store/*.c)
PHASES       = preflight auth account params reconcile guardrail universe gate close
ROOM_phases := $(filter-out $(PHASES:%=phases/%.c),$(wildcard phases/*.c))
WORKERS      = main observer replay
ROOM_worker := $(filter-out $(WORKERS:%=worker/%.c),$(wildcard worker/*.c worker/strategies/*.c))
OPS          = gaejang deadman alerts
ROOM_ops    := $(filter-out $(OPS:%=ops/%.c),$(wildcard ops/*.c))
ROOM_broker := $(filter-out tests/broker/main.c,$(wildcard tests/broker/*.c))
TEST_SRC    := $(wildcard tests/shared/*/*_test.c tests/phases/*_test.c tests/worker/*_test.c tests/ops/*_test.c \
                 tests/broker/unit/*_test.c)
STMT_SQL    := $(sort $(wildcard sql/stmt/*.sql))

obj       = $(patsubst %.c,$(BUILD)/%.o,$(1))
ROOMS     = base trade kis store phases worker ops broker
lib       = $(BUILD)/lib$(1).a
GEN       = $(BUILD)/gen/stmt_gen.h $(BUILD)/gen/stmt_gen.c $(BUILD)/gen/build_digest.h

PROGRAMS  = $(PHASES) worker observer replay gaejang deadman alerts broker

# ---- targets -----------------------------------------------------------------------------------------------------
.PHONY: all run test lint format bench install clean help tests-built
all: $(PROGRAMS:%=$(BIN)/%)
help:
	@echo 'make all | run | test | lint | format | bench | install | test-fresh | clean   (README.md says more)'
clean:
	rm -rf build $(PROGRAMS:%=bin/%)

# One program, one line: what it is linked from. Order matters to the linker: users before used.
$(BIN)/preflight: $(call obj,phases/preflight.c)
$(BIN)/auth:      $(call obj,phases/auth.c)
$(BIN)/account:   $(call obj,phases/account.c)
$(BIN)/params:    $(call obj,phases/params.c)
$(BIN)/reconcile: $(call obj,phases/reconcile.c)
$(BIN)/guardrail: $(call obj,phases/guardrail.c)
$(BIN)/universe:  $(call obj,phases/universe.c)
$(BIN)/gate:      $(call obj,phases/gate.c)
$(BIN)/close:     $(call obj,phases/close.c)
$(BIN)/worker:    $(call obj,worker/main.c)
$(BIN)/observer:  $(call obj,worker/observer.c)
$(BIN)/replay:    $(call obj,worker/replay.c)
$(BIN)/gaejang:   $(call obj,ops/gaejang.c)
$(BIN)/deadman:   $(call obj,ops/deadman.c)
$(BIN)/alerts:    $(call obj,ops/alerts.c)
$(BIN)/broker:    $(call obj,tests/broker/main.c)

LINK_phase  = $(call lib,phases) $(call lib,worker) $(call lib,store) $(call lib,kis) $(call lib,trade) $(call lib,base)
LINK_worker = $(call lib,worker) $(call lib,store) $(call lib,kis) $(call lib,trade) $(call lib,base)
LINK_ops    = $(call lib,ops) $(call lib,phases) $(call lib,worker) $(call lib,store) $(call lib,kis) $(call lib,trade) $(call lib,base)
LINK_broker = $(call lib,broker) $(call lib,base)

$(PHASES:%=$(BIN)/%): $(LINK_phase)
	@mkdir -p $(@D) && $(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(LINK_phase) $(LIBS_NET) $(LIBS_DB) $(LIBS_CORE)
$(BIN)/worker $(BIN)/observer $(BIN)/replay: $(LINK_worker)
	@mkdir -p $(@D) && $(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(LINK_worker) $(LIBS_NET) $(LIBS_WS) $(LIBS_DB) $(LIBS_CORE)
$(BIN)/gaejang $(BIN)/deadman $(BIN)/alerts: $(LINK_ops)
	@mkdir -p $(@D) && $(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(LINK_ops) $(LIBS_NET) $(LIBS_DB) $(LIBS_CORE)
$(BIN)/broker: $(LINK_broker)
	@mkdir -p $(@D) && $(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(LINK_broker) $(LIBS_NET) $(LIBS_WS) $(LIBS_CORE)

# ---- library rooms -----------------------------------------------------------------------------------------------
define room_rule
$(call lib,$(1)): $(call obj,$(ROOM_$(1)))
	@rm -f $$@ && mkdir -p $$(@D) && ar rcs $$@ $$(filter %.o,$$^)
endef
$(foreach r,$(ROOMS),$(eval $(call room_rule,$(r))))
# The generated statement texts belong to store.
$(call lib,store): $(BUILD)/gen/stmt_gen.o

$(BUILD)/%.o: %.c | $(GEN)
	@mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<
$(BUILD)/gen/stmt_gen.o: $(BUILD)/gen/stmt_gen.c
	@$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<
$(BUILD)/gen/stmt_gen.h $(BUILD)/gen/stmt_gen.c &: $(STMT_SQL) sql/stmt2c.awk
	@mkdir -p $(BUILD)/gen && awk -v out=$(BUILD)/gen/stmt_gen -f sql/stmt2c.awk $(STMT_SQL) </dev/null
$(BUILD)/gen/build_digest.h:
	@mkdir -p $(BUILD)/gen && printf '/* generated */\n' > $@

# ---- tests -------------------------------------------------------------------------------------------------------
TESTS = $(patsubst %.c,$(BUILD)/%,$(TEST_SRC))
tests-built: $(TESTS)
$(BUILD)/tests/shared/%_test: $(BUILD)/tests/shared/%_test.o $(LINK_ops)
	@$(CC) $(LDFLAGS) -o $@ $< $(LINK_ops) $(LIBS_NET) $(LIBS_WS) $(LIBS_DB) $(LIBS_CORE) -lcmocka
$(BUILD)/tests/phases/%_test: $(BUILD)/tests/phases/%_test.o $(BUILD)/tests/phases/house.o $(LINK_ops)
	@$(CC) $(LDFLAGS) -o $@ $< $(BUILD)/tests/phases/house.o $(LINK_ops) $(LIBS_NET) $(LIBS_WS) $(LIBS_DB) $(LIBS_CORE) -lcmocka
$(BUILD)/tests/worker/%_test: $(BUILD)/tests/worker/%_test.o $(LINK_ops) $(call lib,broker)
	@$(CC) $(LDFLAGS) -o $@ $< $(call lib,broker) $(LINK_ops) $(LIBS_NET) $(LIBS_WS) $(LIBS_DB) $(LIBS_CORE) -lcmocka
$(BUILD)/tests/ops/%_test: $(BUILD)/tests/ops/%_test.o $(LINK_ops)
	@$(CC) $(LDFLAGS) -o $@ $< $(LINK_ops) $(LIBS_NET) $(LIBS_WS) $(LIBS_DB) $(LIBS_CORE) -lcmocka
$(BUILD)/tests/broker/unit/%_test: $(BUILD)/tests/broker/unit/%_test.o $(LINK_broker)
	@$(CC) $(LDFLAGS) -o $@ $< $(LINK_broker) $(LIBS_NET) $(LIBS_WS) $(LIBS_CORE) -lcmocka

$(BUILD)/tests/broker/fuzz/fuzz: $(BUILD)/tests/broker/fuzz/fuzz.o $(LINK_broker)
	@$(CC) $(LDFLAGS) -o $@ $< $(LINK_broker) $(LIBS_NET) $(LIBS_WS) $(LIBS_CORE)

BENCHES = $(patsubst %.c,$(BUILD)/%,$(wildcard tests/bench/*_bench.c))
benches-built: $(BENCHES) $(BUILD)/tests/bench/init_yard
$(BUILD)/tests/bench/%_bench: $(BUILD)/tests/bench/%_bench.o $(LINK_worker)
	@$(CC) $(LDFLAGS) -o $@ $< $(LINK_worker) $(LIBS_NET) $(LIBS_WS) $(LIBS_DB) $(LIBS_CORE)
# The floor of a phase's start: the same libraries, none of our code.
$(BUILD)/tests/bench/init_yard: $(BUILD)/tests/bench/init_yard.o
	@$(CC) $(LDFLAGS) -o $@ $< $(LIBS_NET) $(LIBS_DB) $(LIBS_CORE)
.PHONY: benches-built

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

test: all
	tests/run
lint: $(GEN)
	tests/lint/lint
format:
	git ls-files '*.c' '*.h' | xargs clang-format -i
run: all
	bin/gaejang rehearse
bench: all benches-built
	tests/bench/run
# A minimal bookworm, the clone copied in, the README's two commands: proves ops/packages.
test-fresh:
	tests/fresh
install: all
	ops/install
# The simulator's own tests; and the product's morning and session under every one of its settings.
test-broker:
	tests/broker/run
nightly-settings: all
	tests/broker/nightly_settings
.PHONY: test-fresh test-broker nightly-settings
