/* The route table. One row states everything that the dispatcher needs to know about an
 * operation. */
#ifndef LIB_HTTP_ROUTE_H
#define LIB_HTTP_ROUTE_H

#include "lib/http/page.h"
#include "lib/http/request.h"
#include "lib/http/response.h"

/* The fields of a route's JSON body. */
struct form {
    const struct field *fields;
    size_t count; /* at most FIELDS_MAX */
};

struct route {
    enum method method;
    /* A path; a segment that begins with a colon is an id: :uid, :sid, :vid, :cid,
     * :upload. */
    const char *pattern;
    enum status (*handler)(struct request *request, struct response *response);
    bool session;            /* 401 without a valid session */
    const struct form *form; /* of the JSON body; NULL: the body is ignored */
    enum page_key pages;     /* parses limit and cursor */
    bool searches;           /* also parses q and state; needs pages */
    bool idempotent;         /* accepts Idempotency-Key; see README.md */
    bool coalesced;          /* the response depends on nothing but path and query */
};

struct route_table {
    const struct route *routes;
    size_t count;
};

/* ROUTE_NO_PATH: no pattern matches the path. ROUTE_NO_METHOD: only rows of other methods
 * do. */
enum route_match { ROUTE_FOUND, ROUTE_NO_PATH, ROUTE_NO_METHOD };

/* Finds the row for a method and path; *route is set if it is found. Does not parse ids:
 * any segment that isn't empty matches one. */
enum route_match route_find(const struct route_table *table, enum method method, const char *path,
                            const struct route **route);

/* Writes the value of the Allow header for a path: OPTIONS and the methods of its
 * rows. */
void route_allow(const struct route_table *table, const char *path, struct buffer *out);

/* Parses the ids in the request's path into request->ids. Returns NULL when all are
 * valid, else a message for the client. */
WARN_UNUSED const char *route_parse_ids(const struct route *route, struct request *request);

#endif
