/*
 * tls - a CA of our own, made in memory at start, and the server context with a certificate for 127.0.0.1.
 *
 * Shape   EC P-256 keys; the CA's certificate is written as PEM for the clients. Lives of a day either side of
 *         the host's clock, which is the one TLS libraries look at.
 * Owner   tls_make gives an SSL_CTX that the caller frees with SSL_CTX_free.
 * Errors  REASON_INTERNAL with OpenSSL's words; REASON_FILE_* for the PEM file.
 */
#ifndef GJ_BROKER_TLS_H
#define GJ_BROKER_TLS_H

#include <openssl/ssl.h>

#include "shared/base/reason.h"
#include "tests/broker/settings.h"

enum reason tls_make(const struct settings *set, const char *ca_path, SSL_CTX **out);

#endif
