/* records - see records.h. */
#include <stdio.h>
#include <string.h>

#include "tests/broker/quote.h"
#include "tests/broker/records.h"

#include "shared/base/banned.h"

static void put_num(struct buf *b, int64_t number)
{
	buf_fmt(b, "%lld^", (long long)number);
}

static void put_text(struct buf *b, const char *text)
{
	buf_fmt(b, "%s^", text);
}

static void put_ratio(struct buf *b, int64_t part, int64_t whole, int64_t factor)
{
	char text[SCALED_TEXT_SIZE];

	put_text(b, scaled_text(ratio_scaled(part, whole, factor, 2), 2, text));
}

static void put_time(struct buf *b, int32_t s)
{
	buf_fmt(b, "%02d%02d%02d^", s / 3600, s / 60 % 60, s % 60);
}

static const char *sign_of(int64_t change)
{
	return change > 0 ? "2" : change < 0 ? "5" : "3";
}

/* Against open, high or low: time, sign, difference. */
static void put_versus(struct buf *b, int32_t at_s, int64_t change)
{
	put_time(b, at_s);
	put_text(b, sign_of(change));
	put_num(b, change);
}

/* Fields a record has beyond the known ones: by setting, and by fault. */
static void put_more(struct broker *bk, struct buf *b, int64_t known, int64_t wanted)
{
	struct fault_hits hits;

	faults_strike(&bk->faults, "ws", NULL, kst_second_of(broker_now(bk)), FAULT_BIT(extra_fields), &hits);
	if (hits.hit[FAULT_extra_fields] != NULL)
		wanted += hits.hit[FAULT_extra_fields]->number;
	for (int64_t i = known; i < wanted; i++)
		put_text(b, "0");
	if (b->len > 0)
		b->len--; /* the last field has no mark behind it */
}

/* ---- trades and expected matches ---- */

struct trade_codes {
	const char *division; /* CCLD_DVSN */
	const char *hour; /* HOUR_CLS_CODE */
};

/* SHNU_RATE: cut to two decimals and a hundredth added, in every recorded frame (0 of 200,731 is 0.01). */
static void put_buy_rate(struct buf *b, const struct exch_quote *q)
{
	int64_t hundredths = q->volume <= 0 ? 0 : (int64_t)((__int128)q->buy_volume * 100 / q->volume) + 1;
	char text[SCALED_TEXT_SIZE];

	put_text(b, scaled_text(hundredths, 2, text));
}

/* Fields 0 to 44, which both have. */
static void trade_body(struct broker *bk, struct buf *b, const struct exch_quote *q, struct wall at,
		       struct trade_codes codes)
{
	const struct exch_day *today = exch_today(bk->ex);
	int64_t change = q->last_won - q->prev_close_won;
	int64_t so_far_s = kst_second_of(at) - today->open_s, length_s = today->close_s - today->open_s;
	/* Yesterday's volume at the same time is not in the day figures: in proportion to the time gone by. */
	int64_t same_time = length_s <= 0 ? 0 : q->prev_volume * (so_far_s < 0 ? 0 : so_far_s) / length_s;
	char day[KST_TEXT_SIZE];

	put_text(b, q->code);
	put_time(b, kst_second_of(at));
	put_num(b, q->last_won);
	put_text(b, quote_sign(q, q->last_won));
	put_num(b, change);
	put_ratio(b, change, q->prev_close_won, 100);
	put_ratio(b, q->turnover_won, q->volume, 1);
	put_num(b, q->open_won);
	put_num(b, q->high_won);
	put_num(b, q->low_won);
	put_num(b, q->ask[0].price_won);
	put_num(b, q->bid[0].price_won);
	put_num(b, q->print_qty);
	put_num(b, q->volume);
	put_num(b, q->turnover_won);
	put_num(b, q->sell_count);
	put_num(b, q->buy_count);
	put_num(b, q->buy_count - q->sell_count);
	put_ratio(b, q->buy_volume, q->sell_volume, 100);
	put_num(b, q->sell_volume);
	put_num(b, q->buy_volume);
	put_text(b, codes.division);
	put_buy_rate(b, q);
	put_ratio(b, q->volume, q->prev_volume, 100);
	put_versus(b, q->open_time_s, q->last_won - q->open_won);
	put_versus(b, q->high_time_s, q->last_won - q->high_won);
	put_versus(b, q->low_time_s, q->last_won - q->low_won);
	put_text(b, kst_day_digits(kst_day_of(at), day));
	put_text(b, quote_market_code(bk->ex));
	put_text(b, q->halted ? "Y" : "N");
	put_num(b, q->ask[0].qty);
	put_num(b, q->bid[0].qty);
	put_num(b, q->ask_total);
	put_num(b, q->bid_total);
	put_ratio(b, q->volume, q->shares, 100);
	put_num(b, same_time);
	put_ratio(b, q->volume, same_time, 100);
	put_text(b, codes.hour);
	put_text(b, "");
}

#define DAY_SECOND_EXCHANGE 20250304 /* NXT opened: mid price in the book, exchange in the notice */
#define DAY_MARKET_CLASS    20260914 /* MARKET_CLS_CODE behind trades and books */

/* The setting, or what the day says; `least` is the narrowest known layout. */
static int64_t width(int64_t set, int64_t by_day, int64_t least)
{
	if (set == 0)
		return by_day;
	return set < least ? least : set;
}

int64_t record_trade_fields(const struct broker *bk)
{
	int32_t day = exch_today(bk->ex)->day.yyyymmdd;

	return width(setting(&bk->set, SET_trade_fields), day >= DAY_MARKET_CLASS ? 47 : 46, 46);
}

int64_t record_book_fields(const struct broker *bk)
{
	int32_t day = exch_today(bk->ex)->day.yyyymmdd;

	return width(setting(&bk->set, SET_book_fields),
		     day >= DAY_MARKET_CLASS      ? 63
		     : day >= DAY_SECOND_EXCHANGE ? 62
						  : 59,
		     59);
}

bool record_second_exchange(const struct broker *bk)
{
	return exch_today(bk->ex)->day.yyyymmdd >= DAY_SECOND_EXCHANGE;
}

int64_t record_notice_fields(const struct broker *bk)
{
	return width(setting(&bk->set, SET_notice_fields), record_second_exchange(bk) ? 26 : 23, 23);
}

/* H0STCNT0: 46 fields, then MARKET_CLS_CODE. H0UNCNT0: 46. */
void record_trade(struct broker *bk, struct buf *b, const struct exch_event *ev, bool combined)
{
	const struct exch_quote *q = ev->quote;
	int64_t fields = combined ? 46 : record_trade_fields(bk);
	struct trade_codes codes = { .division = q->print_side == EXCH_BUY    ? "1"
						 : q->print_side == EXCH_SELL ? "5"
									      : "",
				     .hour = quote_hour_class_of(bk->ex, q) };

	trade_body(bk, b, q, ev->at, codes);
	put_num(b, q->vi_base_won);
	if (fields > 46)
		put_text(b, quote_market_class(bk->ex));
	put_more(bk, b, fields > 46 ? 47 : 46, fields);
}

/* H0STANC0: 45 fields. H0UNANC0: VI_STND_PRC more. Price and quantity are the expected ones. */
void record_expected(struct broker *bk, struct buf *b, const struct exch_event *ev, bool combined)
{
	struct exch_quote q = *ev->quote;
	struct trade_codes codes = { .division = ev->phase == EXCH_PHASE_OPENING_CALL ? "3" : "",
				     .hour = quote_hour_class_of(bk->ex, &q) };

	q.last_won = ev->price_won;
	q.print_qty = ev->qty;
	trade_body(bk, b, &q, ev->at, codes);
	if (combined)
		put_num(b, q.vi_base_won);
	put_more(bk, b, combined ? 46 : 45, combined ? 46 : 45);
}

/* ---- books ---- */

static void put_levels(struct buf *b, const struct exch_level *side, bool price)
{
	for (int i = 0; i < EXCH_LEVELS; i++)
		put_num(b, price ? side[i].price_won : side[i].qty);
}

/* The mid price, what waits there, and on which side. */
static void put_mid(struct broker *bk, struct buf *b, const struct exch_quote *q)
{
	bool filled = setting(&bk->set, SET_kmid_filled) != 0;

	put_num(b, (q->ask[0].price_won + q->bid[0].price_won) / 2);
	put_num(b, filled ? q->print_qty : 0);
	put_text(b, !filled ? "0" : q->print_side == EXCH_SELL ? "1" : "2");
}

/* H0STASP0: 59 fields documented, then mid price, its quantity and side, then MARKET_CLS_CODE. H0UNASP0: 59, then
 * the mid price of KRX and that of NXT, which has none here. */
void record_book(struct broker *bk, struct buf *b, const struct exch_event *ev, bool combined)
{
	const struct exch_quote *q = ev->quote;
	const char *hour_class = quote_hour_class_of(bk->ex, q);
	bool session = strcmp(hour_class, "0") == 0;
	int64_t fields = combined ? 65 : record_book_fields(bk), known = 59;
	int64_t expected_won = session ? 0 : q->last_won, change = expected_won - q->prev_close_won;

	put_text(b, q->code);
	put_time(b, kst_second_of(ev->at));
	put_text(b, hour_class);
	put_levels(b, q->ask, true);
	put_levels(b, q->bid, true);
	put_levels(b, q->ask, false);
	put_levels(b, q->bid, false);
	put_num(b, q->ask_total);
	put_num(b, q->bid_total);
	put_num(b, 0);
	put_num(b, 0);
	/* Expected price: meaningless in session, and then filled just as the service does. */
	put_num(b, expected_won);
	put_num(b, 0);
	put_num(b, session ? q->opening_qty : 0);
	put_num(b, change);
	put_text(b, sign_of(change));
	put_ratio(b, change, q->prev_close_won, 100);
	put_num(b, q->volume);
	put_num(b, q->ask_total - q->told_ask_total);
	put_num(b, q->bid_total - q->told_bid_total);
	put_num(b, 0);
	put_num(b, 0);
	put_num(b, 0);
	if (fields >= 62) {
		put_mid(bk, b, q);
		known = 62;
	}
	if (combined) {
		buf_puts(b, "0^0^0^");
		known = 65;
	} else if (fields >= 63) {
		put_text(b, quote_market_class(bk->ex));
		known = 63;
	}
	put_more(bk, b, known, fields);
}

/* ---- market operation ---- */

/* MKOP_CLS_CODE and ANTC_MKOP_CLS_CODE of the boundary that was passed last. */
static void put_operation(struct broker *bk, struct buf *b)
{
	const struct exch_day *today = exch_today(bk->ex);
	bool before = kst_second_of(exch_now(bk->ex)) < today->open_s;

	switch (exch_phase(bk->ex)) {
	case EXCH_PHASE_OPENING_CALL: buf_puts(b, "110^311^"); return;
	case EXCH_PHASE_CONTINUOUS: buf_puts(b, "112^112^"); return;
	case EXCH_PHASE_CLOSING_CALL: buf_puts(b, "121^121^"); return;
	case EXCH_PHASE_CLOSED: break;
	}
	buf_puts(b, !today->trading || before ? "^^" : "129^129^");
}

/* H0STMKO0: 11 fields. H0UNMKO0: 11, or 10 without the code. */
void record_operation(struct broker *bk, struct buf *b, const struct exch_event *ev, bool combined)
{
	const struct exch_quote *q = ev->quote;
	bool code = !combined || setting(&bk->set, SET_unmko_code) != 0;

	if (code)
		put_text(b, q->code);
	put_text(b, q->halted ? "Y" : "N");
	put_text(b, q->halted ? "거래정지" : "");
	put_operation(bk, b);
	put_text(b, "");
	put_text(b, "");
	put_text(b, q->halted ? "58" : "00");
	put_text(b, q->vi ? "Y" : "N");
	put_text(b, "N");
	put_text(b, "1");
	put_more(bk, b, code ? 11 : 10, code ? 11 : 10);
}

/* ---- notices ---- */

static void put_padded(struct broker *bk, struct buf *b, int64_t number, int width)
{
	if (setting(&bk->set, SET_notice_zero_padded) != 0)
		buf_fmt(b, "%0*lld^", width, (long long)number);
	else
		put_num(b, number);
}

/* A name, its last character cut in half if the setting says so. */
static void put_name(struct broker *bk, struct buf *b, const char *name)
{
	size_t len = strlen(name);

	if (setting(&bk->set, SET_notice_name_cut) != 0 && len > 3 && (name[len - 1] & 0x80) != 0)
		len--;
	buf_add(b, name, len);
	buf_puts(b, "^");
}

struct notice_form {
	const char *rctf, *refused, *filled, *accepted;
};

/* The combinations of the codes for each event. */
static bool notice_form_of(const struct exch_event *ev, struct notice_form *out)
{
	const struct exch_order *o = ev->order;
	const char *rctf = o->kind == EXCH_ORDER_MODIFY ? "1" : o->kind == EXCH_ORDER_CANCEL ? "2" : "0";

	switch (ev->kind) {
	case EXCH_EV_ORDER_RECEIVED: *out = (struct notice_form){ rctf, "0", "1", "1" }; return true;
	case EXCH_EV_FILL: *out = (struct notice_form){ "0", "0", "2", "2" }; return true;
	case EXCH_EV_MODIFIED: *out = (struct notice_form){ "1", "0", "1", "2" }; return true;
	case EXCH_EV_CANCELLED: *out = (struct notice_form){ "2", "0", "1", "2" }; return true;
	case EXCH_EV_REST_CANCELLED: *out = (struct notice_form){ "0", "0", "1", "3" }; return true;
	case EXCH_EV_REJECTED: *out = (struct notice_form){ rctf, "1", "1", "1" }; return true;
	case EXCH_EV_EXPIRED: /* told by the daily list only */
	case EXCH_EV_PHASE:
	case EXCH_EV_TRADE:
	case EXCH_EV_BOOK:
	case EXCH_EV_STATE:
	case EXCH_EV_EXPECTED: break;
	}
	return false;
}

static const char *condition_of(const char *dvsn)
{
	if (strcmp(dvsn, "11") == 0 || strcmp(dvsn, "13") == 0 || strcmp(dvsn, "15") == 0 ||
	    strcmp(dvsn, "23") == 0)
		return "1";
	if (strcmp(dvsn, "12") == 0 || strcmp(dvsn, "14") == 0 || strcmp(dvsn, "16") == 0 ||
	    strcmp(dvsn, "24") == 0)
		return "2";
	return "0";
}

static const struct login *login_of(const struct broker *bk, size_t account)
{
	for (size_t i = 0; i < bk->login_count; i++) {
		if (bk->logins[i].account == account)
			return &bk->logins[i];
	}
	return NULL;
}

/* From ODER_QTY on, where the two layouts part. */
static void notice_tail(struct broker *bk, struct buf *b, const struct exch_event *ev,
			const struct login *who)
{
	const struct exch_order *o = ev->order;
	const struct exch_quote *q = exch_quote_of(bk->ex, o->code);
	int64_t fields = record_notice_fields(bk);
	bool wide = fields >= 26;

	if (ev->kind == EXCH_EV_ORDER_RECEIVED && setting(&bk->set, SET_notice_receipt_qty) == 0)
		put_text(b, "");
	else
		put_padded(bk, b, o->qty, 9);
	put_name(bk, b, who != NULL ? who->name : "");
	if (wide) {
		put_text(b, "");
		put_text(b, strcmp(o->excg, "NXT") == 0 ? "2" : strcmp(o->excg, "SOR") == 0 ? "3" : "1");
		put_text(b, "Y");
		put_text(b, "");
	} else {
		put_text(b, "1Y"); /* recorded so; the field list calls it a name */
	}
	put_text(b, "10");
	put_text(b, "");
	put_name(bk, b, q != NULL ? q->name : o->code);
	if (ev->kind == EXCH_EV_FILL)
		put_padded(bk, b, o->price_won, 9);
	else
		put_text(b, "");
	put_more(bk, b, wide ? 26 : 23, fields);
}

/* H0STCNI0: 26 fields, or the 23 of before NXT. */
bool record_notice(struct broker *bk, struct buf *b, const struct exch_event *ev)
{
	const struct exch_order *o = ev->order;
	const struct login *who = login_of(bk, o->account);
	const char *number = exch_account_at(bk->ex, o->account)->number;
	bool no_qty = ev->kind == EXCH_EV_CANCELLED && setting(&bk->set, SET_notice_cancel_qty) == 0;
	struct notice_form form;

	if (!notice_form_of(ev, &form))
		return false;
	put_text(b, who != NULL ? who->htsid : "");
	buf_fmt(b, "%.8s%.2s^", number, number + 9);
	put_text(b, o->odno);
	put_text(b, o->orig);
	put_text(b, o->side == EXCH_BUY ? "02" : "01");
	put_text(b, form.rctf);
	put_text(b, o->dvsn);
	put_text(b, condition_of(o->dvsn));
	put_text(b, o->code);
	put_padded(bk, b, no_qty ? 0 : ev->qty, 10);
	put_padded(bk, b, ev->price_won, 9);
	put_time(b, kst_second_of(ev->at));
	put_text(b, form.refused);
	put_text(b, form.filled);
	if (ev->kind == EXCH_EV_REJECTED)
		put_num(b, setting(&bk->set, SET_notice_reject_acpt));
	else
		put_text(b, form.accepted);
	put_text(b, o->branch);
	notice_tail(bk, b, ev, who);
	return true;
}
