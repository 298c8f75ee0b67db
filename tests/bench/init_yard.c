/*
 * init_yard - the floor of a phase's start: linked with what a phase is linked with, every library initialised, nothing done.
 */
#include <cjson/cJSON.h>
#include <curl/curl.h>
#include <ini.h>
#include <mysql.h>
#include <openssl/ssl.h>
#include <sodium.h>

#include "shared/base/banned.h"

static int take_line(void *arg, const char *section, const char *name, const char *value)
{
	(void)arg;
	(void)section;
	(void)name;
	(void)value;
	return 1;
}

int main(void)
{
	CURL *easy;
	MYSQL *link;
	cJSON *root = cJSON_CreateObject();
	int bad = sodium_init() < 0 || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK ||
		  OPENSSL_init_ssl(0, NULL) != 1 || mysql_library_init(0, NULL, NULL) != 0 ||
		  ini_parse_string("", take_line, NULL) != 0;

	easy = curl_easy_init();
	link = mysql_init(NULL);
	bad = bad || easy == NULL || link == NULL || root == NULL;
	if (link != NULL)
		mysql_close(link);
	curl_easy_cleanup(easy);
	cJSON_Delete(root);
	return bad;
}
