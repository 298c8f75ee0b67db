/*
 * params - pins today's parameters: the ACTIVE set, checked with the strategy's own table. Once a certificate of today was
 * consumed, the pinned set of that morning stays, whatever was activated since.
 */
#include <stdio.h>
#include <string.h>

#include "phases/phase.h"
#include "worker/strategy.h"
#include "shared/base/banned.h"

enum {
	NONE_PREVIOUS,
	NONE_HALT,
	NONE_APPROVAL
}; /* choices of on_params_none, in the order of conf_keys.def */

struct params {
	struct param_row set;
	struct pin_row pin;
	struct certificate frozen;
};

static void pin_from_set(struct params *par)
{
	par->pin.param_id = par->set.param_id;
	par->pin.strategy_version = par->set.strategy_version;
	par->pin.digest = par->set.digest;
	memcpy(par->pin.strategy, par->set.strategy, sizeof(par->pin.strategy));
	memcpy(par->pin.body, par->set.body, sizeof(par->pin.body));
}

/* Nothing is active: what the configuration says then. */
static enum reason none_active(struct phase *ph, struct params *par)
{
	char day[KST_TEXT_SIZE];
	int32_t age_days = 0;
	int64_t policy = conf_number(&ph->cfg, CONF_ON_PARAMS_NONE),
		age_max = conf_number(&ph->cfg, CONF_PARAMS_AGE_DAYS);
	enum reason why;

	if (policy == NONE_APPROVAL)
		return reason_set(REASON_PARAMS_APPROVAL, "no parameters are active today; approve a set: "
							  "gaejang params activate, then run params again");
	if (policy != NONE_PREVIOUS)
		return reason_set(REASON_PARAMS_NONE, "no parameters are active today; activate a set: "
						      "gaejang params activate (on_params_none = halt)");
	why = tbl_pin_last_before(ph->db, ph->account.account_id, ph->day.day, &par->pin);
	if (why == REASON_DB_NOT_FOUND)
		return reason_set(
			REASON_PARAMS_NONE,
			"no parameters are active and no earlier day used any; gaejang params activate");
	if (why == REASON_OK)
		why = calendar_distance(&ph->cal, par->pin.day, ph->day.day, &age_days);
	if (why != REASON_OK)
		return why;
	if (age_days > age_max)
		return reason_set(REASON_PARAMS_NONE,
				  "no parameters are active; those of %s are %d trading days old, "
				  "params_age_days allows %lld",
				  kst_day_text(par->pin.day, day), (int)age_days, (long long)age_max);
	par->pin.from_previous = true;
	phase_fact_number(ph, "previous_age_days", age_days);
	phase_alert(ph, FINDING_WARN, "params-previous",
		    "no parameters are active; those of %s are used with half limits",
		    kst_day_text(par->pin.day, day));
	return REASON_OK;
}

static enum reason choose(struct phase *ph, struct params *par)
{
	bool found = false;
	enum reason why = phase_frozen(ph, &par->frozen, &found);

	if (why != REASON_OK)
		return why;
	if (found) {
		phase_fact_bool(ph, "frozen", true);
		return tbl_pin_of_run(ph->db, par->frozen.run_ids[PHASE_PARAMS], &par->pin);
	}
	why = tbl_param_active(ph->db, ph->account.account_id, ph->day.day, &par->set);
	if (why == REASON_OK) {
		pin_from_set(par);
		return REASON_OK;
	}
	return why == REASON_DB_NOT_FOUND ? none_active(ph, par) : why;
}

static enum reason check(struct phase *ph, const struct params *par)
{
	const struct strategy *strategy = strategy_find(par->pin.strategy);
	struct strategy_params values;
	struct digest digest;
	enum reason why;

	if (strcmp(par->pin.strategy, ph->acct->strategy) != 0)
		return reason_set(REASON_PARAMS_RANGE,
				  "the active parameters are for %s, account %s is configured for %s",
				  par->pin.strategy, ph->acct->name, ph->acct->strategy);
	if (!strategy)
		return reason_set(REASON_PARAMS_RANGE,
				  "strategy %s is not compiled in; name another in [account %s]",
				  par->pin.strategy, ph->acct->name);
	if (strategy->rehearsal_only && conf_number(&ph->cfg, CONF_REHEARSAL) == 0)
		return reason_set(REASON_STRATEGY_REHEARSAL, "strategy %s runs in rehearsals only",
				  strategy->name);
	if (strategy->version != par->pin.strategy_version)
		return reason_set(
			REASON_PARAMS_RANGE,
			"the parameters are for version %lld of %s, this build has %d; import them again",
			(long long)par->pin.strategy_version, strategy->name, strategy->version);
	why = strategy_params_read(strategy, par->pin.body, &values);
	if (why != REASON_OK)
		return why;
	digest = strategy_params_digest(strategy, &values);
	if (!digest_same(&digest, &par->pin.digest))
		return reason_set(REASON_PARAMS_RANGE,
				  "parameters %lld are not what was imported: their digest differs",
				  (long long)par->pin.param_id);
	return REASON_OK;
}

static struct digest content(const struct pin_row *pin)
{
	struct digest_maker mk;

	digest_begin(&mk, "params");
	digest_text(&mk, "strategy", pin->strategy);
	digest_number(&mk, "version", pin->strategy_version);
	digest_bytes(&mk, "digest", pin->digest.bytes, DIGEST_SIZE);
	digest_number(&mk, "from_previous", pin->from_previous);
	return digest_end(&mk);
}

static enum reason run(struct phase *ph, void *work)
{
	struct params *par = work;
	char hex[DIGEST_HEX_SIZE];
	enum reason why = choose(ph, par);

	if (why == REASON_OK)
		why = check(ph, par);
	if (why != REASON_OK)
		return why;
	par->pin.run_id = ph->run.run_id;
	par->pin.account_id = ph->account.account_id;
	par->pin.day = ph->day.day;
	phase_fact_text(ph, "strategy", par->pin.strategy);
	phase_fact_number(ph, "param_id", par->pin.param_id);
	phase_fact_text(ph, "digest", digest_hex(&par->pin.digest, hex));
	ph->answer.content = content(&par->pin);
	phase_say(ph, "%s version %lld, set %lld%s", par->pin.strategy, (long long)par->pin.strategy_version,
		  (long long)par->pin.param_id,
		  par->pin.from_previous ? ", of an earlier day: half limits" : "");
	return REASON_OK;
}

static enum reason commit(struct phase *ph, void *work)
{
	struct params *par = work;

	return ph->answer.status == STATUS_PASS ? tbl_pin_add(ph->db, &par->pin) : REASON_OK;
}

int main(int argc, char **argv)
{
	static const struct phase_def def = {
		PHASE_PARAMS,
		0,
		"params - pins today's active parameters, checked with the strategy's table",
		sizeof(struct params),
		run,
		commit,
		NULL
	};

	return phase_main(argc, argv, &def);
}
