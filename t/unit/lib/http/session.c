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
    is_int(strspn(token, alphabet), 43, "of base64url");
    ok(strcmp(token, other) != 0, "the next one is another");
}

static void test_hash(void)
{
    static const unsigned char expected[SESSION_HASH_SIZE] = {
        0x83, 0x4b, 0x6e, 0x67, 0xaa, 0xb8, 0xd7, 0x6c, 0xce, 0xf4, 0x84, 0x64, 0x78, 0x05, 0x2c, 0xf0,
        0x73, 0x7a, 0x31, 0x07, 0x97, 0x3e, 0xc1, 0x9c, 0x7b, 0x7e, 0xc9, 0xdd, 0x1b, 0x1c, 0xf3, 0x04,
    };
    unsigned char hash[SESSION_HASH_SIZE] = {0};
    ok(session_hash(TOKEN, hash), "a token has a hash");
    ok(memcmp(hash, expected, sizeof hash) == 0, "the SHA-256 of its text");
    ok(!session_hash("", hash), "nothing is no token");
    ok(!session_hash(TOKEN "H", hash), "nor is what is longer");
    ok(!session_hash(&TOKEN[1], hash), "nor what is shorter");
    ok(memcmp(hash, expected, sizeof hash) == 0, "what is refused sets nothing");
}

/* Authenticates a request with those headers. The database can't be reached, so a request that comes as far as
 * to ask it ends with STATUS_DB_UNAVAILABLE. */
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

static void test_where(void)
{
    struct request request;
    is_int(authenticate(&request, METHOD_GET, HEADERS("HTTP_HOST=a")), STATUS_ANSWERED, "no session");
    ok(!request.session && request.user_id == 0, "is no one");
    is_int(authenticate(&request, METHOD_GET, HEADERS("HTTP_X_SESSION_ID=short")), STATUS_ANSWERED,
           "what can't be a token");
    is_int(request.user_id, 0, "is no one");
    is_int(authenticate(&request, METHOD_GET, HEADERS("HTTP_AUTHORIZATION=Basic " TOKEN)), STATUS_ANSWERED,
           "another scheme");
    ok(!request.session, "has no session");

    is_int(authenticate(&request, METHOD_GET, HEADERS(COOKIE)), STATUS_DB_UNAVAILABLE, "a cookie's");
    is_text(request.session, TOKEN, "token");
    ok(request.session_cookie, "which a browser sends unasked");
    is_int(authenticate(&request, METHOD_GET, HEADERS(BEARER)), STATUS_DB_UNAVAILABLE, "a bearer's");
    is_text(request.session, TOKEN, "token");
    ok(!request.session_cookie, "which no browser sends unasked");
    authenticate(&request, METHOD_GET, HEADERS("HTTP_AUTHORIZATION=bearer " TOKEN));
    is_text(request.session, TOKEN, "the scheme in any case");

    authenticate(&request, METHOD_GET, HEADERS(COOKIE, "HTTP_AUTHORIZATION=Bearer b"));
    is_text(request.session, "b", "Authorization counts before the cookie");
    ok(!request.session_cookie, "which then isn't what it comes by");
    authenticate(&request, METHOD_GET, HEADERS(COOKIE, BEARER, "HTTP_X_SESSION_ID=h"));
    is_text(request.session, "h", "and the header before both");
}

static void test_cross_site(void)
{
    static const struct {
        const char *name;
        enum method method;
        const char *headers[4];
        enum status status;
    } rows[] = {
        {"its own page", METHOD_POST, {"HTTP_ORIGIN=http://a:8080", COOKIE}, STATUS_DB_UNAVAILABLE},
        {"its own page, host in capitals",
         METHOD_POST,
         {"HTTP_ORIGIN=http://A:8080", COOKIE},
         STATUS_DB_UNAVAILABLE},
        {"no browser", METHOD_POST, {COOKIE}, STATUS_DB_UNAVAILABLE},
        {"same-origin", METHOD_POST, {"HTTP_SEC_FETCH_SITE=same-origin", COOKIE}, STATUS_DB_UNAVAILABLE},
        {"cross-site", METHOD_POST, {"HTTP_SEC_FETCH_SITE=cross-site", COOKIE}, STATUS_FORBIDDEN},
        {"another host", METHOD_POST, {"HTTP_ORIGIN=http://b:8080", COOKIE}, STATUS_FORBIDDEN},
        {"another port", METHOD_POST, {"HTTP_ORIGIN=http://a:8081", COOKIE}, STATUS_FORBIDDEN},
        {"a longer host", METHOD_POST, {"HTTP_ORIGIN=http://a:8080.b", COOKIE}, STATUS_FORBIDDEN},
        {"no origin at all", METHOD_POST, {"HTTP_ORIGIN=null", COOKIE}, STATUS_FORBIDDEN},
        {"DELETE", METHOD_DELETE, {"HTTP_ORIGIN=http://b", COOKIE}, STATUS_FORBIDDEN},
        {"PUT", METHOD_PUT, {"HTTP_ORIGIN=http://b", COOKIE}, STATUS_FORBIDDEN},
        {"PATCH", METHOD_PATCH, {"HTTP_ORIGIN=http://b", COOKIE}, STATUS_FORBIDDEN},
        {"the gate", METHOD_GATE, {"HTTP_ORIGIN=http://b", COOKIE}, STATUS_FORBIDDEN},
        {"a listed origin",
         METHOD_POST,
         {"HTTP_ORIGIN=https://friend.example", COOKIE},
         STATUS_DB_UNAVAILABLE},
        {"of another site",
         METHOD_POST,
         {"HTTP_ORIGIN=https://other.example:8443", "HTTP_SEC_FETCH_SITE=cross-site", COOKIE},
         STATUS_DB_UNAVAILABLE},
        {"a part of one", METHOD_POST, {"HTTP_ORIGIN=https://friend", COOKIE}, STATUS_FORBIDDEN},
        {"one in capitals", METHOD_POST, {"HTTP_ORIGIN=https://Friend.example", COOKIE}, STATUS_FORBIDDEN},
        {"its other scheme", METHOD_POST, {"HTTP_ORIGIN=http://friend.example", COOKIE}, STATUS_FORBIDDEN},
        {"reading", METHOD_GET, {"HTTP_SEC_FETCH_SITE=cross-site", COOKIE}, STATUS_DB_UNAVAILABLE},
        {"no cookie", METHOD_POST, {"HTTP_ORIGIN=http://b", BEARER}, STATUS_DB_UNAVAILABLE},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *headers[6] = {"HTTP_HOST=a:8080"};
        for (size_t at = 0; at < COUNT_OF(rows[i].headers); at++)
            headers[at + 1] = rows[i].headers[at];
        struct request request;
        is_int(authenticate(&request, rows[i].method, headers), rows[i].status, "%s", rows[i].name);
        is_int(request.user_id, 0, "is no one yet");
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
    test_where();
    test_cross_site();
    db_destroy(db);
    arena_destroy(arena);
    return done_testing();
}
