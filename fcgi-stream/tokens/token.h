/* Takes a token of the bucket for a request. */
#ifndef FCGI_STREAM_TOKENS_TOKEN_H
#define FCGI_STREAM_TOKENS_TOKEN_H

#include "fcgi-stream/tokens/bucket.h"
#include "lib/http/request.h"

/* Takes a token of that kind. Returns STATUS_ANSWERED and writes the token's name, or the failure: 429
 * when there is none, 503 when the request has waited longer than nginx does. */
enum status token_take(struct request *request, enum bucket_kind kind, char token[BUCKET_TOKEN_SIZE]);

#endif
