/* What fcgi-api's handlers share. */
#ifndef FCGI_API_API_H
#define FCGI_API_API_H

#include "fcgi-api/limiter.h"
#include "fcgi-api/password.h"
#include "lib/base/coalescer.h"
#include "lib/http/route.h"
#include "lib/media/media.h"

struct api_context {
    char dummy_hash[PASSWORD_HASH_SIZE]; /* verified when the user is unknown, so that it takes as long */
    struct password_turns turns;
    struct limiter *limiter;   /* of attempts to log in and to register, see attempt.h */
    struct coalescer *lookups; /* of videos, see video_lookup.h */
    struct media media;
};

extern const struct route_table api_routes;

enum status user_create(struct request *request, struct response *response);
enum status user_get(struct request *request, struct response *response);
enum status password_change(struct request *request, struct response *response);
enum status session_create(struct request *request, struct response *response);
enum status session_delete(struct request *request, struct response *response);
enum status session_list(struct request *request, struct response *response);
enum status session_delete_by_id(struct request *request, struct response *response);
enum status video_list(struct request *request, struct response *response);
enum status video_list_of_user(struct request *request, struct response *response);
enum status video_create(struct request *request, struct response *response);
enum status video_get(struct request *request, struct response *response);
enum status video_edit(struct request *request, struct response *response);
enum status video_delete(struct request *request, struct response *response);
enum status comment_list(struct request *request, struct response *response);
enum status comment_create(struct request *request, struct response *response);
enum status comment_delete(struct request *request, struct response *response);
enum status openapi_show(struct request *request, struct response *response);
enum status live_show(struct request *request, struct response *response);
enum status ready_show(struct request *request, struct response *response);
enum status metrics_show(struct request *request, struct response *response);

/* The bodies of the routes above; each handler reads request->values in this order. */
extern const struct form credentials_form, password_form, video_form, video_edit_form, comment_form;

/* STATUS_ANSWERED when a new password may be that one. */
enum status password_check(struct request *request, const struct field_value *password);

#endif
