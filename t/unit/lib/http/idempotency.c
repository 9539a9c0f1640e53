#include "lib/http/idempotency.h"

#include <stdio.h>

#include "t/unit/bytes.h"
#include "t/unit/tap.h"

/* The error message for a key. key NULL: the header is not sent. */
static const char *parse_key(struct request *request, const char *key)
{
    static char variable[400];
    static const char *variables[] = {"HTTP_X=y", variable, NULL};
    snprintf(variable, sizeof variable, "HTTP_IDEMPOTENCY_KEY=%s", key ? key : "");
    variables[1] = key ? variable : NULL;
    *request = (struct request){.variables = variables};
    return idempotency_parse(request);
}

int main(void)
{
    static const char message[] = "Idempotency-Key must be 1 to 255 visible ASCII characters";
    static const char *const invalid[] = {"", " ", "a b", " a", "a ", "a\t", "\x7f", "\xc3\xa9", "a\x01"};
    static const char *const valid[] = {"1", "\"8e03978e-40d5-43dd-bc93-6894a57f9324\"", "!~", "a,b;c=d"};
    struct request request;
    is_text(parse_key(&request, NULL), NULL, "a request without a key is valid");
    is_text(request.idempotency_key, NULL, "a request without a key has no key");
    for (size_t i = 0; i < COUNT_OF(valid); i++) {
        is_text(parse_key(&request, valid[i]), NULL, "the key %s is valid", valid[i]);
        is_text(request.idempotency_key, valid[i], "the key is not changed");
    }
    for (size_t i = 0; i < COUNT_OF(invalid); i++)
        is_text(parse_key(&request, invalid[i]), message, "the key \"%s\" is rejected", invalid[i]);
    is_text(parse_key(&request, bytes_repeat('k', 255)), NULL, "a key of 255 characters is valid");
    is_text(parse_key(&request, bytes_repeat('k', 256)), message, "a key of 256 characters is rejected");
    return done_testing();
}
