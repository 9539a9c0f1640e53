#include "fcgi-api/openapi.h"

#include "fcgi-api/api.h"
#include "lib/http/etag.h"

/* 200; 304 when If-None-Match names the current revision. */
enum status openapi_show(struct request *request, struct response *response)
{
    response->cache = "public, max-age=300";
    etag_header(&response->headers, openapi_revision, false);
    if (etag_none_match(request_variable(request, "HTTP_IF_NONE_MATCH"), openapi_revision))
        return response_empty(response, 304);
    response->http = 200;
    response_header(response, "Content-Type", "application/json");
    buffer_text(&response->body, openapi_document);
    return STATUS_ANSWERED;
}
