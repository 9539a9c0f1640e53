/* One HTTP request, as the dispatcher passes it to a handler: everything that the route's
 * row asks for has been parsed and validated.
 *
 * A request lives from its first byte to the end of its response. Nothing in it may be
 * kept longer. */
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
    METHOD_GATE, /* nginx asks if it may read an upload's body; no client can send it */
    METHOD_OTHER,
    METHOD_COUNT
};

extern const char *const method_names[METHOD_COUNT];

enum { FIELDS_MAX = 4 };

struct coalescer;

struct request {
    const struct config *config;
    void *context; /* of the program, see struct service */
    struct arena *arena;
    struct db *db;
    struct secret *secret;        /* loaded on routes with pages */
    struct coalescer *coalescer;  /* of the process, see coalesced_request.h */
    const char *const *variables; /* FastCGI parameters as NAME=value, ended by NULL */

    const char *id; /* nginx's $request_id */
    enum method method;
    bool head;         /* HEAD: method is METHOD_GET, and the body isn't sent */
    const char *path;  /* percent-decoded, without one trailing slash */
    const char *query; /* as received */
    const char *body;
    size_t body_length;
    bool body_complete; /* false: the body was longer than what the server keeps */

    struct {
        int64_t uid, vid;
        char sid[PARAM_UUID_SIZE], cid[PARAM_UUID_SIZE], upload[PARAM_UUID_SIZE];
    } ids;                                 /* those in the route's pattern */
    struct field_value values[FIELDS_MAX]; /* in the order of the route's form */
    struct search_terms search;
    struct page page;
    const char *idempotency_key; /* NULL: none was sent, or the route takes none */
    int64_t user_id;             /* of the session; 0 without one */
    const char *session;         /* its token */
    bool session_cookie;         /* from a cookie, so the request may be cross-site */

    int retry_after_s;  /* of a failure; 0: the status's default */
    const char *detail; /* of a failure, for the client; NULL: none */
};

/* Sets id, method, head, path and query from the FastCGI parameters. Returns false when
 * the path can't be decoded; path is then "". */
WARN_UNUSED bool request_parse(struct request *request);

/* A FastCGI parameter or, as HTTP_NAME, a header; NULL when it is absent. */
const char *request_find(const struct request *request, const char *name);

/* The same; "" when it is absent. */
const char *request_variable(const struct request *request, const char *name);

/* Sets the failure's detail, a message for the client, and returns status. */
enum status request_refuse(struct request *request, enum status status, const char *detail);

#endif
