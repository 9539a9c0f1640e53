#include "lib/http/session.h"

#include <string.h>

#include "lib/base/log.h"
#include "t/unit/tap.h"

#define TOKEN "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"

static const struct config config = {.session_ttl_s = 300,
                                     .cors_origins = "https://friend.example https://other.example:8443"};
static struct arena *arena;
static struct db *db;

static void test_token(void)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    char token[SESSION_TOKEN_SIZE], other[SESSION_TOKEN_SIZE];
    session_create_token(token);
    session_create_token(other);
    is_int(strlen(token), 43, "a token has 43 characters");
    is_int(strspn(token, alphabet), 43, "a token is base64url");
    ok(strcmp(token, other) != 0, "two tokens are different");
}

static void test_hash(void)
{
    static const unsigned char expected[SESSION_HASH_SIZE] = {
        0x83, 0x4b, 0x6e, 0x67, 0xaa, 0xb8, 0xd7, 0x6c, 0xce, 0xf4, 0x84, 0x64, 0x78, 0x05, 0x2c, 0xf0,
        0x73, 0x7a, 0x31, 0x07, 0x97, 0x3e, 0xc1, 0x9c, 0x7b, 0x7e, 0xc9, 0xdd, 0x1b, 0x1c, 0xf3, 0x04,
    };
    unsigned char hash[SESSION_HASH_SIZE] = {0};
    ok(session_hash(TOKEN, hash), "a token can be hashed");
    ok(memcmp(hash, expected, sizeof hash) == 0, "the hash is the SHA-256 of the text");
    ok(!session_hash("", hash), "an empty text is rejected");
    ok(!session_hash(TOKEN "H", hash), "a text that is too long is rejected");
    ok(!session_hash(&TOKEN[1], hash), "a text that is too short is rejected");
    ok(memcmp(hash, expected, sizeof hash) == 0, "a rejected text leaves the hash unchanged");
}

/* Authenticates a request with those headers. There is no database, so a request whose
 * token is looked up gets STATUS_DB_UNAVAILABLE. */
static enum status authenticate(struct request *request, enum method method, const char *const *headers)
{
    arena_reset(arena);
    *request =
        (struct request){.config = &config, .arena = arena, .db = db, .method = method, .variables = headers};
    db_begin(db, arena);
    return session_authenticate(request, 0);
}

#define HEADERS(...)                                                                                         \
    (const char *const[])                                                                                    \
    {                                                                                                        \
        __VA_ARGS__, NULL                                                                                    \
    }
#define COOKIE "HTTP_COOKIE=a=b; X-Session-Id=" TOKEN "; c=d"
#define BEARER "HTTP_AUTHORIZATION=Bearer " TOKEN

static void test_precedence(void)
{
    struct request request;
    is_int(authenticate(&request, METHOD_GET, HEADERS("HTTP_HOST=a")), STATUS_ANSWERED,
           "a request without a session is accepted");
    ok(!request.session && request.user_id == 0, "a request without a session has no user");
    is_int(authenticate(&request, METHOD_GET, HEADERS("HTTP_X_SESSION_ID=short")), STATUS_ANSWERED,
           "a request with an invalid token is accepted");
    is_int(request.user_id, 0, "a request with an invalid token has no user");
    is_int(authenticate(&request, METHOD_GET, HEADERS("HTTP_AUTHORIZATION=Basic " TOKEN)), STATUS_ANSWERED,
           "a request with another scheme is accepted");
    ok(!request.session, "another scheme than Bearer is ignored");

    is_int(authenticate(&request, METHOD_GET, HEADERS(COOKIE)), STATUS_DB_UNAVAILABLE,
           "the token of a cookie is looked up");
    is_text(request.session, TOKEN, "the token comes from the cookie");
    ok(request.session_cookie, "the request is marked as using a cookie");
    is_int(authenticate(&request, METHOD_GET, HEADERS(BEARER)), STATUS_DB_UNAVAILABLE,
           "the token of Authorization is looked up");
    is_text(request.session, TOKEN, "the token comes from Authorization");
    ok(!request.session_cookie, "the request is not marked as using a cookie");
    authenticate(&request, METHOD_GET, HEADERS("HTTP_AUTHORIZATION=bearer " TOKEN));
    is_text(request.session, TOKEN, "the scheme is not case-sensitive");

    authenticate(&request, METHOD_GET, HEADERS(COOKIE, "HTTP_AUTHORIZATION=Bearer b"));
    is_text(request.session, "b", "Authorization takes precedence over the cookie");
    ok(!request.session_cookie, "a request with Authorization is not marked as using a cookie");
    authenticate(&request, METHOD_GET, HEADERS(COOKIE, BEARER, "HTTP_X_SESSION_ID=h"));
    is_text(request.session, "h", "X-Session-Id takes precedence over both");
}

static void test_cross_site(void)
{
    static const struct {
        const char *name;
        enum method method;
        const char *headers[4];
        enum status status;
    } rows[] = {
        {"a page of the site is allowed",
         METHOD_POST,
         {"HTTP_ORIGIN=http://a:8080", COOKIE},
         STATUS_DB_UNAVAILABLE},
        {"a page of the site with the host in capitals is allowed",
         METHOD_POST,
         {"HTTP_ORIGIN=http://A:8080", COOKIE},
         STATUS_DB_UNAVAILABLE},
        {"a client without Origin is allowed", METHOD_POST, {COOKIE}, STATUS_DB_UNAVAILABLE},
        {"same-origin is allowed",
         METHOD_POST,
         {"HTTP_SEC_FETCH_SITE=same-origin", COOKIE},
         STATUS_DB_UNAVAILABLE},
        {"cross-site is rejected", METHOD_POST, {"HTTP_SEC_FETCH_SITE=cross-site", COOKIE}, STATUS_FORBIDDEN},
        {"another host is rejected", METHOD_POST, {"HTTP_ORIGIN=http://b:8080", COOKIE}, STATUS_FORBIDDEN},
        {"another port is rejected", METHOD_POST, {"HTTP_ORIGIN=http://a:8081", COOKIE}, STATUS_FORBIDDEN},
        {"a host that starts with the site's is rejected",
         METHOD_POST,
         {"HTTP_ORIGIN=http://a:8080.b", COOKIE},
         STATUS_FORBIDDEN},
        {"the origin null is rejected", METHOD_POST, {"HTTP_ORIGIN=null", COOKIE}, STATUS_FORBIDDEN},
        {"a cross-site DELETE is rejected",
         METHOD_DELETE,
         {"HTTP_ORIGIN=http://b", COOKIE},
         STATUS_FORBIDDEN},
        {"a cross-site PUT is rejected", METHOD_PUT, {"HTTP_ORIGIN=http://b", COOKIE}, STATUS_FORBIDDEN},
        {"a cross-site PATCH is rejected", METHOD_PATCH, {"HTTP_ORIGIN=http://b", COOKIE}, STATUS_FORBIDDEN},
        {"a cross-site request to the gate is rejected",
         METHOD_GATE,
         {"HTTP_ORIGIN=http://b", COOKIE},
         STATUS_FORBIDDEN},
        {"a listed origin is allowed",
         METHOD_POST,
         {"HTTP_ORIGIN=https://friend.example", COOKIE},
         STATUS_DB_UNAVAILABLE},
        {"a listed origin is allowed although it is cross-site",
         METHOD_POST,
         {"HTTP_ORIGIN=https://other.example:8443", "HTTP_SEC_FETCH_SITE=cross-site", COOKIE},
         STATUS_DB_UNAVAILABLE},
        {"a prefix of a listed origin is rejected",
         METHOD_POST,
         {"HTTP_ORIGIN=https://friend", COOKIE},
         STATUS_FORBIDDEN},
        {"a listed origin in capitals is rejected",
         METHOD_POST,
         {"HTTP_ORIGIN=https://Friend.example", COOKIE},
         STATUS_FORBIDDEN},
        {"a listed origin with another scheme is rejected",
         METHOD_POST,
         {"HTTP_ORIGIN=http://friend.example", COOKIE},
         STATUS_FORBIDDEN},
        {"a cross-site GET is allowed",
         METHOD_GET,
         {"HTTP_SEC_FETCH_SITE=cross-site", COOKIE},
         STATUS_DB_UNAVAILABLE},
        {"a cross-site request without a cookie is allowed",
         METHOD_POST,
         {"HTTP_ORIGIN=http://b", BEARER},
         STATUS_DB_UNAVAILABLE},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *headers[6] = {"HTTP_HOST=a:8080"};
        for (size_t at = 0; at < COUNT_OF(rows[i].headers); at++)
            headers[at + 1] = rows[i].headers[at];
        struct request request;
        is_int(authenticate(&request, rows[i].method, headers), rows[i].status, "%s", rows[i].name);
        is_int(request.user_id, 0, "no user is set before the lookup");
    }
}

int main(void)
{
    static const struct db_statement statement = {"session_find", SESSION_FIND_SQL, .read = true};
    const struct db_options options = {.url = "host=/nowhere",
                                       .role = "nobody",
                                       .statements = &statement,
                                       .statement_count = 1,
                                       .timeout_ms = 1000};
    log_set_level(LOG_ERROR);
    arena = arena_create();
    db = db_create(&options);
    test_token();
    test_hash();
    test_precedence();
    test_cross_site();
    db_destroy(db);
    arena_destroy(arena);
    return done_testing();
}
