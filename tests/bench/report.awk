# report.awk - figure= lines of the benchmark programs as a table, and as JSON into the file `json`.
function scaled(value) {
	value += 0
	if (value >= 1e9) return sprintf("%.2fG", value / 1e9)
	if (value >= 1e6) return sprintf("%.2fM", value / 1e6)
	if (value >= 1e4) return sprintf("%.1fk", value / 1e3)
	if (value >= 100) return sprintf("%.0f", value)
	if (value >= 10) return sprintf("%.1f", value)
	return sprintf("%.3g", value)
}
function number(value) { return value == "" ? "null" : value }
BEGIN {
	printf "\nprocessors %s, load %s before and %s after, %d s\n\n", cpus, load_before, load_after, took_s
	printf "%-28s %-9s %4s %9s %9s %9s   %-28s %8s %8s %8s\n", "figure", "unit", "runs", "min", "median", "max",
		"ratio to", "min", "median", "max"
	printf "{\n  \"processors\": %s, \"load_before\": \"%s\", \"load_after\": \"%s\", \"took_s\": %d,\n  \"figures\": [\n", cpus,
		load_before, load_after, took_s > json
}
{
	delete v
	for (i = 1; i <= NF; i++) {
		at = index($i, "=")
		v[substr($i, 1, at - 1)] = substr($i, at + 1)
	}
	if (NR > 1) printf ",\n" > json
	printf "    {\"figure\": \"%s\", \"unit\": \"%s\", \"runs\": %s, \"min\": %s, \"median\": %s, \"max\": %s", v["figure"], v["unit"],
		v["runs"], number(v["min"]), number(v["median"]), number(v["max"]) > json
	printf "%-28s %-9s %4s %9s %9s %9s", v["figure"], v["unit"], v["runs"], scaled(v["min"]), scaled(v["median"]), scaled(v["max"])
	if ("to" in v) {
		printf ", \"to\": \"%s\", \"ratio_min\": %s, \"ratio\": %s, \"ratio_max\": %s", v["to"], v["ratio_min"], v["ratio"],
			v["ratio_max"] > json
		printf "   %-28s %8.3g %8.3g %8.3g", v["to"], v["ratio_min"] + 0, v["ratio"] + 0, v["ratio_max"] + 0
	}
	printf "}" > json
	printf "\n"
}
END { printf "\n  ]\n}\n" > json }
