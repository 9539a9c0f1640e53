/* The handlers of fcgi-api, their forms, and the state that they share. */
#ifndef FCGI_API_API_H
#define FCGI_API_API_H

#include <stdatomic.h>

#include "fcgi-api/limiter.h"
#include "fcgi-api/password.h"
#include "lib/base/coalescer.h"
#include "lib/http/route.h"
#include "lib/media/media.h"

/* Created before the fork. A worker's threads share it; all workers share the limiter. */
struct api_context {
    /* Verified for an unknown user, so that the response takes as long as usual. */
    char dummy_hash[PASSWORD_HASH_SIZE];
    struct password_slots hash_slots;
    struct limiter *limiter;   /* counts log-ins and registrations, see attempt.h */
    struct coalescer *lookups; /* coalesces video reads, see video_lookup.h */
    struct media media;
    atomic_llong next_deletion_count_ms; /* of clock_ms, see metrics_show */
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

/* The JSON bodies of the routes above. request->values is in the order of the fields. */
extern const struct form credentials_form, password_form, video_form, video_edit_form, comment_form;

/* Returns STATUS_ANSWERED, or 400 when the password is too common to be set. */
enum status password_check(struct request *request, const struct field_value *password);

#endif
