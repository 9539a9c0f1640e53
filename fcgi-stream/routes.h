/* The routes of delivery, uploads and posters. */
#ifndef FCGI_STREAM_ROUTES_H
#define FCGI_STREAM_ROUTES_H

#include "lib/http/route.h"

extern const struct route_table stream_routes;

#endif
