/*
 * limits - every bound of loops, queues, strings and waits that is not a user's setting.
 * A number that a user may change is a configuration key (conf_keys.def), not a line here.
 */
#ifndef GJ_BASE_LIMITS_H
#define GJ_BASE_LIMITS_H

#define SYMBOL_SIZE       12 /* six characters, seven for ETN, nine for rights; plus NUL */
#define SYMBOL_NAME_SIZE  64
#define ODNO_SIZE         12 /* ten digits plus NUL, normal form: no blanks, no leading zeros cut */
#define BRANCH_SIZE       8
#define EXCG_SIZE         4
#define PERSON_SIZE       64
#define REASON_CODE_SIZE  48
#define DETAIL_SIZE       500
#define UNIVERSE_MAX      40 /* 41 registrations: the notice and 40 symbols without book (kis/README section 6) */
#define REGISTRATIONS_MAX 41
#define HOLDINGS_MAX      512
#define ORDERS_DAY_MAX    2048 /* rows of the daily list we hold at once: ours, EXT, cancels */
#define FILLS_DAY_MAX     4096
#define PAGES_MAX         64 /* of one listing; more is PARTIAL */
#define BODY_SIZE_MAX     (1024 * 1024)
#define JSON_DEPTH_MAX    32
#define PARAMS_MAX        32
#define LIMITS_ROWS_MAX   64
#define EVIDENCE_SIZE_MAX 16384
#define FRAME_SIZE_MAX    (512 * 1024)
#define FRAME_RECORDS_MAX 999
#define DB_RETRY_MAX      5 /* 1205, 1213, 1047: a lost transaction is repeated this often */
#define SOCKET_PATH_SIZE  108 /* sun_path of Linux */

#endif
