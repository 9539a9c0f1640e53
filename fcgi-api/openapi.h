/* The OpenAPI document of all three programs, built into fcgi-api. */
#ifndef FCGI_API_OPENAPI_H
#define FCGI_API_OPENAPI_H

#include <stdint.h>

/* Generated from openapi.json by the Makefile. The revision is derived from its hash. */
extern const char openapi_document[];
extern const int64_t openapi_revision;

#endif
