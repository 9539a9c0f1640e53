#include "lib/http/request.h"

#include <string.h>

const char *const method_names[METHOD_COUNT] = {
    [METHOD_GET] = "GET",     [METHOD_POST] = "POST",     [METHOD_PUT] = "PUT",
    [METHOD_PATCH] = "PATCH", [METHOD_DELETE] = "DELETE", [METHOD_OPTIONS] = "OPTIONS",
    [METHOD_GATE] = "gate",   [METHOD_OTHER] = "other",
};

static enum method parse_method(const char *name)
{
    for (enum method method = 0; method < METHOD_OTHER; method++)
        if (strcmp(name, method_names[method]) == 0)
            return method;
    return METHOD_OTHER;
}

static bool parse_path(struct request *request)
{
    const char *uri = request_variable(request, "REQUEST_URI");
    size_t length = strcspn(uri, "?");
    char *path = arena_alloc(request->arena, length + 1);
    request->query = uri[length] ? uri + length + 1 : uri + length;
    size_t decoded;
    if (!param_percent_decode(uri, length, false, path, &decoded))
        return false;
    if (decoded > 1 && path[decoded - 1] == '/')
        decoded--;
    path[decoded] = '\0';
    request->path = path;
    return true;
}

bool request_parse(struct request *request)
{
    const char *method = request_variable(request, "REQUEST_METHOD");
    request->id = request_variable(request, "REQUEST_ID");
    request->head = strcmp(method, "HEAD") == 0;
    request->method = request->head ? METHOD_GET : parse_method(method);
    request->path = request->query = "";
    return parse_path(request);
}

const char *request_find(const struct request *request, const char *name)
{
    size_t length = strlen(name);
    for (const char *const *variable = request->variables; *variable; variable++)
        if (strncmp(*variable, name, length) == 0 && (*variable)[length] == '=')
            return *variable + length + 1;
    return NULL;
}

const char *request_variable(const struct request *request, const char *name)
{
    const char *value = request_find(request, name);
    return value ? value : "";
}

enum status request_refuse(struct request *request, enum status status, const char *detail)
{
    request->detail = detail;
    return status;
}
