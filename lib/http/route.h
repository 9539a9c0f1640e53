/* The route table: one row says all that the dispatcher has to know of an operation. */
#ifndef LIB_HTTP_ROUTE_H
#define LIB_HTTP_ROUTE_H

#include "lib/http/page.h"
#include "lib/http/request.h"
#include "lib/http/response.h"

/* The members of a JSON body that a route takes. */
struct form {
    const struct field *fields;
    size_t count; /* at most FIELDS_MAX */
};

struct route {
    enum method method;
    const char
        *pattern; /* segments; those that begin with a colon are ids: :uid, :sid, :vid, :cid, :upload */
    enum status (*handler)(struct request *request, struct response *response);
    bool session;            /* 401 without a valid session */
    const struct form *form; /* the body is read as JSON against it; NULL: the body is ignored */
    enum page_key pages;     /* reads limit and cursor */
    bool searches;           /* and q and state */
    bool idempotent;         /* takes an Idempotency-Key; without a session, the handler heeds it */
    bool coalesced;          /* the answer depends on path and query alone, see coalesced_request.h */
};

struct route_table {
    const struct route *routes;
    size_t count;
};

/* What a path leads to. */
enum route_match { ROUTE_FOUND, ROUTE_NO_PATH, ROUTE_NO_METHOD };

/* Looks for the method and path. The ids in the path are not read. */
enum route_match route_find(const struct route_table *table, enum method method, const char *path,
                            const struct route **route);

/* Writes the methods that the path knows, as the value of Allow, to out. */
void route_allow(const struct route_table *table, const char *path, struct buffer *out);

/* Reads the ids in the request's path. NULL when all are good, else what is wrong, for the client. */
WARN_UNUSED const char *route_parse_ids(const struct route *route, struct request *request);

#endif
