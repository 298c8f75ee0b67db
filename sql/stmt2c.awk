# Turns sql/stmt/TABLE.sql into stmt_gen.h (enum of names) and stmt_gen.c (their texts).
# A statement begins at "-- name: NAME" and ends at the next one or the end of the file; other "--" lines are
# comments for people and stay out of the text. The last ";" is dropped. A text that several statements of a file share
# begins at "-- part: NAME", before them; a line ":NAME" of a statement stands for it.
BEGIN { count = 0 }
function flush_stmt(   t) {
	if (name == "") return
	t = text
	sub(/[ \n\t]*;[ \n\t]*$/, "", t)
	gsub(/\\/, "\\\\", t); gsub(/"/, "\\\"", t); gsub(/[ \t]*\n[ \t]*/, " ", t)
	sub(/^ +/, "", t)
	if (t == "") { printf "stmt2c: %s: statement %s has no text\n", FILENAME, name > "/dev/stderr"; bad = 1; exit 1 }
	if (name in seen) { printf "stmt2c: statement %s is there twice\n", name > "/dev/stderr"; bad = 1; exit 1 }
	seen[name] = 1
	names[count] = name; texts[count] = t; count++
	name = ""; text = ""
}
/^-- name:/ { flush_stmt(); part = ""; name = $3; next }
/^-- part:/ { flush_stmt(); part = FILENAME $3; parts[part] = ""; next }
/^:/ {
	shared = FILENAME substr($1, 2)
	if (!(shared in parts)) { printf "stmt2c: %s: no part %s above this line: %s\n", FILENAME, $1, name > "/dev/stderr"; bad = 1; exit 1 }
	text = text parts[shared]
	next
}
/^[ \t]*--/ { next }
part != "" { parts[part] = parts[part] $0 "\n"; next }
name != "" { text = text $0 "\n" }
END {
	if (bad) exit 1
	flush_stmt()
	h = out ".h"; c = out ".c"
	print "/* Generated from sql/stmt by sql/stmt2c.awk. */" > h
	print "#ifndef GJ_STMT_GEN_H\n#define GJ_STMT_GEN_H\nenum stmt_name {" > h
	for (i = 0; i < count; i++) { n = toupper(names[i]); print "\tSTMT_" n "," > h }
	print "\tSTMT_NAME_COUNT\n};\nextern const char *const stmt_text[STMT_NAME_COUNT + 1];\nextern const char *const stmt_label[STMT_NAME_COUNT + 1];\n#endif" > h
	print "/* Generated from sql/stmt by sql/stmt2c.awk. */\n#include \"stmt_gen.h\"\nconst char *const stmt_text[STMT_NAME_COUNT + 1] = {" > c
	for (i = 0; i < count; i++) print "\t\"" texts[i] "\"," > c
	print "\t0\n};\nconst char *const stmt_label[STMT_NAME_COUNT + 1] = {" > c
	for (i = 0; i < count; i++) print "\t\"" names[i] "\"," > c
	print "\t0\n};" > c
}
