/* tls - see tls.h. */
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "shared/base/file.h"
#include "tests/broker/tls.h"

#include "shared/base/banned.h"

#define DAY_S  86400L
/* A client whose clock was set back to the day that is played finds the certificate valid too. */
#define PAST_S (7300 * DAY_S)
/* The service's own names: clients that know no others are led here by a hosts file. */
#define NAMES  "IP:127.0.0.1,DNS:localhost,DNS:openapi.koreainvestment.com,DNS:openapivts.koreainvestment.com"

enum cert_kind { CERT_GOOD, CERT_EXPIRED, CERT_WRONG_NAME, CERT_UNKNOWN_ISSUER };

static enum reason tls_trouble(const char *what)
{
	char words[160];

	ERR_error_string_n(ERR_get_error(), words, sizeof words);
	return reason_set(REASON_INTERNAL, "TLS: %s: %s", what, words);
}

static bool extend(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;
	bool done;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	if (ext == NULL)
		return false;
	done = X509_add_ext(cert, ext, -1) == 1;
	X509_EXTENSION_free(ext);
	return done;
}

/* A certificate of `key` signed by `issuer_key`; issuer NULL = signs itself and may sign others. */
static X509 *cert_make(EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key, const char *name, const char *alt,
		       long from_s, long to_s)
{
	X509 *cert = X509_new();
	X509_NAME *subject;
	int64_t serial = 0;
	bool good;

	if (cert == NULL)
		return NULL;
	subject = X509_get_subject_name(cert);
	good = RAND_bytes((unsigned char *)&serial, sizeof serial - 1) == 1 &&
	       X509_set_version(cert, 2) == 1 &&
	       ASN1_INTEGER_set_int64(X509_get_serialNumber(cert), serial & INT64_MAX) == 1 &&
	       X509_gmtime_adj(X509_getm_notBefore(cert), from_s) != NULL &&
	       X509_gmtime_adj(X509_getm_notAfter(cert), to_s) != NULL && X509_set_pubkey(cert, key) == 1 &&
	       X509_NAME_add_entry_by_txt(subject, "O", MBSTRING_UTF8,
					  (const unsigned char *)"broker simulator", -1, -1, 0) == 1 &&
	       X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1,
					  0) == 1 &&
	       X509_set_issuer_name(cert, issuer == NULL ? subject : X509_get_subject_name(issuer)) == 1;
	if (good && issuer == NULL)
		good = extend(cert, cert, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
		       extend(cert, cert, NID_key_usage, "critical,keyCertSign,cRLSign") &&
		       extend(cert, cert, NID_subject_key_identifier, "hash");
	else if (good)
		good = extend(cert, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
		       extend(cert, issuer, NID_key_usage, "critical,digitalSignature") &&
		       extend(cert, issuer, NID_ext_key_usage, "serverAuth") &&
		       extend(cert, issuer, NID_subject_key_identifier, "hash") &&
		       extend(cert, issuer, NID_authority_key_identifier, "keyid") &&
		       extend(cert, issuer, NID_subject_alt_name, alt);
	if (good && X509_sign(cert, issuer_key, EVP_sha256()) > 0)
		return cert;
	X509_free(cert);
	return NULL;
}

static enum reason ca_write(X509 *ca, const char *path)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *pem = NULL;
	long pem_size;
	enum reason why;

	if (bio == NULL || PEM_write_bio_X509(bio, ca) != 1) {
		BIO_free(bio);
		return tls_trouble("the CA certificate cannot be written as PEM");
	}
	pem_size = BIO_get_mem_data(bio, &pem);
	why = file_replace(path, pem, (size_t)pem_size, 0644);
	BIO_free(bio);
	return why;
}

enum reason tls_make(const struct settings *set, const char *ca_path, SSL_CTX **out)
{
	static const int versions[] = { TLS1_3_VERSION, TLS1_2_VERSION, TLS1_1_VERSION };
	enum cert_kind kind = (enum cert_kind)setting(set, SET_tls_cert);
	int version_max = versions[setting(set, SET_tls_max)];
	EVP_PKEY *ca_key = EVP_EC_gen("P-256"), *key = EVP_EC_gen("P-256");
	EVP_PKEY *other_key = EVP_EC_gen("P-256");
	X509 *ca = NULL, *other_ca = NULL, *cert = NULL;
	SSL_CTX *ctx = NULL;
	enum reason why = REASON_OK;

	if (ca_key == NULL || key == NULL || other_key == NULL) {
		why = tls_trouble("no key could be made");
		goto out;
	}
	ca = cert_make(ca_key, NULL, ca_key, "broker simulator CA", NULL, -PAST_S, 3650 * DAY_S);
	other_ca = cert_make(other_key, NULL, other_key, "broker simulator CA", NULL, -PAST_S, 3650 * DAY_S);
	if (ca == NULL || other_ca == NULL) {
		why = tls_trouble("no CA could be made");
		goto out;
	}
	cert = cert_make(key, kind == CERT_UNKNOWN_ISSUER ? other_ca : ca,
			 kind == CERT_UNKNOWN_ISSUER ? other_key : ca_key,
			 kind == CERT_WRONG_NAME ? "192.0.2.1" : "127.0.0.1",
			 kind == CERT_WRONG_NAME ? "IP:192.0.2.1" : NAMES,
			 kind == CERT_EXPIRED ? -10 * DAY_S : -PAST_S,
			 kind == CERT_EXPIRED ? -5 * DAY_S : 3649 * DAY_S);
	ctx = SSL_CTX_new(TLS_server_method());
	if (cert == NULL || ctx == NULL) {
		why = tls_trouble("no server certificate could be made");
		goto out;
	}
	if (version_max == TLS1_1_VERSION)
		SSL_CTX_set_cipher_list(
			ctx, "ALL:@SECLEVEL=0"); /* a server so old cannot be met at any other level */
	if (SSL_CTX_use_certificate(ctx, cert) != 1 || SSL_CTX_use_PrivateKey(ctx, key) != 1 ||
	    SSL_CTX_set_min_proto_version(ctx, version_max == TLS1_1_VERSION ? TLS1_1_VERSION
									     : TLS1_2_VERSION) != 1 ||
	    SSL_CTX_set_max_proto_version(ctx, version_max) != 1) {
		why = tls_trouble("the server context cannot be set up");
		goto out;
	}
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				      SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
	why = ca_write(ca, ca_path);
	if (why != REASON_OK)
		goto out;
	*out = ctx;
	ctx = NULL;
out:
	SSL_CTX_free(ctx);
	X509_free(cert);
	X509_free(other_ca);
	X509_free(ca);
	EVP_PKEY_free(other_key);
	EVP_PKEY_free(key);
	EVP_PKEY_free(ca_key);
	return why;
}
