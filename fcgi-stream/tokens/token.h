/* Takes a token from the bucket for a request. */
#ifndef FCGI_STREAM_TOKENS_TOKEN_H
#define FCGI_STREAM_TOKENS_TOKEN_H

#include "fcgi-stream/tokens/bucket.h"
#include "lib/http/request.h"

/* Takes a token of the kind and writes its name to token. Returns STATUS_ANSWERED when it
 * has one, otherwise the failure, with no token taken: 429 when the server or the client
 * is at its limit; 503 when the request is so old that nginx may have given up on it; 500
 * when nginx's parameters are missing. */
enum status token_take(struct request *request, enum bucket_kind kind, char token[BUCKET_TOKEN_SIZE]);

#endif
