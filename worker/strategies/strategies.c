/* strategies - the one registry, parameter bodies against their table, and signal files. A new strategy: one line here. */
#include <stdio.h>
#include <string.h>

#include "shared/base/bug.h"
#include "shared/base/won.h"
#include "shared/trade/market.h"
#include "worker/strategy.h"
#include "shared/base/banned.h"

extern const struct strategy strategy_breakout, strategy_scripted;

static const struct strategy *const registry[] = {
	&strategy_breakout,
	&strategy_scripted,
};

const struct strategy *strategy_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_COUNT(registry); i++) {
		if (strcmp(registry[i]->name, name) == 0)
			return registry[i];
	}
	return NULL;
}

const struct strategy *strategy_at(int index)
{
	return index >= 0 && (size_t)index < ARRAY_COUNT(registry) ? registry[index] : NULL;
}

/* ---- parameters ---- */

struct span { /* part of a text */
	const char *at;
	size_t len;
};

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static struct span trim(struct span s)
{
	while (s.len > 0 && blank(s.at[0])) {
		s.at++;
		s.len--;
	}
	while (s.len > 0 && blank(s.at[s.len - 1]))
		s.len--;
	return s;
}

/* Cuts the next line off *rest; false at the end. */
static bool next_line(struct span *rest, struct span *out)
{
	const char *end;

	if (rest->len == 0)
		return false;
	end = memchr(rest->at, '\n', rest->len);
	*out = (struct span){ rest->at, end ? (size_t)(end - rest->at) : rest->len };
	rest->at += out->len + (end ? 1 : 0);
	rest->len -= out->len + (end ? 1 : 0);
	return true;
}

static bool same(struct span s, const char *text)
{
	return strlen(text) == s.len && memcmp(s.at, text, s.len) == 0;
}

static enum reason value_check(const struct strategy *strategy, int index, int64_t value)
{
	const struct strategy_param *p = &strategy->params[index];

	if (value < p->low || value > p->high)
		return reason_set(REASON_PARAMS_RANGE,
				  "%s: %s = %lld is outside %lld..%lld %s; choose a value inside",
				  strategy->name, p->name, (long long)value, (long long)p->low,
				  (long long)p->high, p->unit);
	return REASON_OK;
}

static enum reason line_read(const struct strategy *strategy, int line_number, struct span line,
			     int64_t *values, bool *given)
{
	const char *mark = memchr(line.at, '=', line.len);
	struct span name, text;
	int64_t value;

	if (!mark)
		return reason_set(REASON_PARAMS_RANGE, "%s: line %d has no '='; write name = value",
				  strategy->name, line_number);
	name = trim((struct span){ line.at, (size_t)(mark - line.at) });
	text = trim((struct span){ mark + 1, line.len - (size_t)(mark - line.at) - 1 });
	for (int i = 0; i < strategy->param_count; i++) {
		if (!same(name, strategy->params[i].name))
			continue;
		if (given[i])
			return reason_set(REASON_PARAMS_RANGE,
					  "%s: line %d gives %s a second time; remove one", strategy->name,
					  line_number, strategy->params[i].name);
		if (!num_parse(text.at, text.len, &value))
			return reason_set(
				REASON_PARAMS_RANGE, "%s: line %d: %s = '%.*s' is not a whole number of %s",
				strategy->name, line_number, strategy->params[i].name,
				(int)(text.len < 40 ? text.len : 40), text.at, strategy->params[i].unit);
		given[i] = true;
		values[i] = value;
		return value_check(strategy, i, value);
	}
	return reason_set(REASON_PARAMS_RANGE,
			  "%s: line %d: there is no parameter '%.*s'; `gaejang params table` lists them",
			  strategy->name, line_number, (int)(name.len < 40 ? name.len : 40), name.at);
}

enum reason strategy_params_read(const struct strategy *strategy, const char *body,
				 struct strategy_params *out)
{
	struct span rest = { body, strlen(body) }, line;
	struct strategy_params params = { 0 };
	bool given[PARAMS_MAX] = { false };
	enum reason why;

	BUG_IF(strategy->param_count > PARAMS_MAX, "a strategy's table fits");
	for (int number = 1; next_line(&rest, &line); number++) {
		line = trim(line);
		if (line.len == 0 || line.at[0] == '#' || line.at[0] == ';' ||
		    (line.at[0] == '[' && line.at[line.len - 1] == ']'))
			continue;
		why = line_read(strategy, number, line, params.values, given);
		if (why != REASON_OK)
			return why;
	}
	for (int i = 0; i < strategy->param_count; i++) {
		if (!given[i])
			params.values[i] = strategy->params[i].def;
		why = value_check(strategy, i, params.values[i]);
		if (why != REASON_OK)
			return why;
	}
	why = strategy->cross ? strategy->cross(&params) : REASON_OK;
	if (why == REASON_OK)
		*out = params;
	return why;
}

/* Indexes of the table, sorted by name. */
static void sorted(const struct strategy *strategy, int *order)
{
	for (int i = 0; i < strategy->param_count; i++) {
		int at = i;

		for (; at > 0 && strcmp(strategy->params[order[at - 1]].name, strategy->params[i].name) > 0;
		     at--)
			order[at] = order[at - 1];
		order[at] = i;
	}
}

enum reason strategy_params_write(const struct strategy *strategy, const struct strategy_params *params,
				  char *out, size_t out_size)
{
	int order[PARAMS_MAX] = { 0 };
	size_t used = 0;

	BUG_IF(out_size == 0, "there is room for the NUL");
	sorted(strategy, order);
	out[0] = '\0';
	for (int i = 0; i < strategy->param_count; i++) {
		int len = snprintf(out + used, out_size - used, "%s=%lld\n", strategy->params[order[i]].name,
				   (long long)params->values[order[i]]);

		if (len < 0 || (size_t)len >= out_size - used)
			return reason_set(REASON_OVERFLOW, "%s: the parameters do not fit into %zu bytes",
					  strategy->name, out_size);
		used += (size_t)len;
	}
	return REASON_OK;
}

struct digest strategy_params_digest(const struct strategy *strategy, const struct strategy_params *params)
{
	int order[PARAMS_MAX] = { 0 };
	struct digest_maker mk;

	sorted(strategy, order);
	digest_begin(&mk, "gaejang-params 1");
	digest_text(&mk, "strategy", strategy->name);
	digest_number(&mk, "version", strategy->version);
	for (int i = 0; i < strategy->param_count; i++)
		digest_number(&mk, strategy->params[order[i]].name, params->values[order[i]]);
	return digest_end(&mk);
}

/* ---- signals ---- */

static struct span next_word(struct span *rest)
{
	struct span word;

	*rest = trim(*rest);
	word = (struct span){ rest->at, 0 };
	while (word.len < rest->len && !blank(rest->at[word.len]))
		word.len++;
	rest->at += word.len;
	rest->len -= word.len;
	return word;
}

static bool word_text(struct span word, char *out, size_t out_size)
{
	if (word.len == 0 || word.len >= out_size)
		return false;
	memcpy(out, word.at, word.len);
	out[word.len] = '\0';
	return true;
}

static bool signal_read(struct span line, struct kst_day day, struct strategy_signal *out)
{
	struct strategy_signal sig = { 0 };
	char time[9], side[5], type[7];
	struct span qty, price;
	int32_t second;

	if (!word_text(next_word(&line), time, sizeof(time)) || !kst_time_parse(time, &second) ||
	    !word_text(next_word(&line), sig.symbol, sizeof(sig.symbol)) || !symbol_valid(sig.symbol) ||
	    !word_text(next_word(&line), side, sizeof(side)) || !order_side_parse(side, &sig.side) ||
	    !word_text(next_word(&line), type, sizeof(type)))
		return false;
	if (strcmp(type, "LIMIT") == 0)
		sig.type = TYPE_LIMIT;
	else if (strcmp(type, "MARKET") == 0)
		sig.type = TYPE_MARKET;
	else
		return false;
	qty = next_word(&line);
	price = next_word(&line);
	if (!num_parse(qty.at, qty.len, &sig.qty) || !num_parse(price.at, price.len, &sig.price_won) ||
	    !word_text(next_word(&line), sig.code, sizeof(sig.code)) || trim(line).len != 0)
		return false;
	sig.at = kst_wall(day, second);
	*out = sig;
	return (sig.type == TYPE_MARKET) == (sig.price_won == 0) && sig.price_won >= 0;
}

enum reason strategy_signals_read(const char *text, size_t text_len, struct kst_day day,
				  struct strategy_signal *rows, int room, int *out_count)
{
	struct span rest = { text, text_len }, line;
	int count = 0;

	for (int number = 1; next_line(&rest, &line); number++) {
		line = trim(line);
		if (line.len == 0 || line.at[0] == '#')
			continue;
		if (count >= room)
			return reason_set(REASON_OVERFLOW, "signals line %d: more than %d signals", number,
					  room);
		if (!signal_read(line, day, &rows[count]) ||
		    (count > 0 && rows[count].at.us < rows[count - 1].at.us))
			return reason_set(REASON_FILE_SHAPE,
					  "signals line %d is not 'HH:MM:SS SYMBOL BUY|SELL LIMIT|MARKET QTY "
					  "PRICE CODE' in order of "
					  "time (PRICE 0 for MARKET)",
					  number);
		count++;
	}
	*out_count = count;
	return REASON_OK;
}
