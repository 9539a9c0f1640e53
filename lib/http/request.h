/* One HTTP request, as the dispatcher hands it to a handler: what it holds has been checked already.
 *
 * It lives from its first byte to the end of its response, and nothing of it longer. */
#ifndef LIB_HTTP_REQUEST_H
#define LIB_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/compiler.h"
#include "lib/base/config.h"
#include "lib/base/param.h"
#include "lib/db/db.h"
#include "lib/db/secret.h"
#include "lib/http/body.h"
#include "lib/http/page.h"
#include "lib/http/search.h"
#include "lib/http/status.h"

enum method {
    METHOD_GET,
    METHOD_POST,
    METHOD_PUT,
    METHOD_PATCH,
    METHOD_DELETE,
    METHOD_OPTIONS,
    METHOD_GATE, /* nginx asks whether it may read the body of a POST; no client can send it */
    METHOD_OTHER,
    METHOD_COUNT
};

extern const char *const method_names[METHOD_COUNT];

enum { FIELDS_MAX = 4 };

struct coalescer;

struct request {
    const struct config *config;
    void *context; /* the program's own, see struct service */
    struct arena *arena;
    struct db *db;
    struct secret *secret;        /* known where the route has pages */
    struct coalescer *coalescer;  /* of the process, see coalesced_request.h */
    const char *const *variables; /* FastCGI parameters, NAME=value */

    const char *id; /* nginx's $request_id */
    enum method method;
    bool head;         /* HEAD: method is GET, and the body isn't sent */
    const char *path;  /* decoded, without a slash at its end */
    const char *query; /* as it came */
    const char *body;
    size_t body_length;
    bool body_complete; /* false: it was longer than what the server reads */

    struct {
        int64_t uid, vid;
        char sid[PARAM_UUID_SIZE], cid[PARAM_UUID_SIZE], upload[PARAM_UUID_SIZE];
    } ids;                                 /* what the route's pattern names */
    struct field_value values[FIELDS_MAX]; /* in the order of the route's form */
    struct search_terms search;
    struct page page;
    const char *idempotency_key; /* NULL: none was sent, or the route takes none */
    int64_t user_id;             /* of the session, 0 without one */
    const char *session;         /* its token */
    bool session_cookie;         /* it came in a cookie, which browsers send unasked */

    int retry_after_s;  /* of the failure; 0: as the status says */
    const char *detail; /* of the failure, for the client; NULL: the status says it all */
};

/* Fills in what the FastCGI parameters say. False when the path is no path. */
WARN_UNUSED bool request_parse(struct request *request);

/* A FastCGI parameter or, as HTTP_NAME, a header; NULL when it wasn't sent. */
const char *request_find(const struct request *request, const char *name);

/* The same; "" when it wasn't sent. */
const char *request_variable(const struct request *request, const char *name);

/* Notes what is wrong, in words for the client, and returns status. */
enum status request_refuse(struct request *request, enum status status, const char *detail);

#endif
