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
