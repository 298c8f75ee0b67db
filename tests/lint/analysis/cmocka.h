/*
 * cmocka as an analyzer must see it: a failed assert ends the test. The real header declares functions that seem to return, so
 * every line after an assert would be judged as if the assert had failed. Only tests/lint/lint looks into this folder.
 */
#ifndef GJ_LINT_CMOCKA_H
#define GJ_LINT_CMOCKA_H

#include_next <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define lint_holds(condition)                                                                                \
	do {                                                                                                 \
		if (!(condition))                                                                            \
			abort();                                                                             \
	} while (0)

#undef assert_true
#undef assert_false
#undef assert_null
#undef assert_non_null
#undef assert_int_equal
#undef assert_int_not_equal
#undef assert_in_range
#undef assert_ptr_equal
#undef assert_ptr_not_equal
#undef assert_string_equal
#undef assert_string_not_equal
#undef assert_memory_equal
#undef assert_memory_not_equal
#undef fail
#define assert_true(c)                   lint_holds(c)
#define assert_false(c)                  lint_holds(!(c))
#define assert_null(c)                   lint_holds((c) == NULL)
#define assert_non_null(c)               lint_holds((c) != NULL)
#define assert_int_equal(a, b)           lint_holds((long long)(a) == (long long)(b))
#define assert_int_not_equal(a, b)       lint_holds((long long)(a) != (long long)(b))
#define assert_in_range(v, low, high)    lint_holds((v) >= (low) && (v) <= (high))
#define assert_ptr_equal(a, b)           lint_holds((const void *)(a) == (const void *)(b))
#define assert_ptr_not_equal(a, b)       lint_holds((const void *)(a) != (const void *)(b))
#define assert_string_equal(a, b)        lint_holds(strcmp(a, b) == 0)
#define assert_string_not_equal(a, b)    lint_holds(strcmp(a, b) != 0)
#define assert_memory_equal(a, b, n)     lint_holds(memcmp(a, b, n) == 0)
#define assert_memory_not_equal(a, b, n) lint_holds(memcmp(a, b, n) != 0)
#define fail()                           abort()

#endif
