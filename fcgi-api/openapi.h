/* The contract of all three programs as an OpenAPI document. */
#ifndef FCGI_API_OPENAPI_H
#define FCGI_API_OPENAPI_H

#include <stdint.h>

/* Made from openapi.json by the Makefile. */
extern const char openapi_document[];
extern const int64_t openapi_revision;

#endif
