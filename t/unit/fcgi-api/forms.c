/* The limits of JSON bodies, as the OpenAPI document states them. */
#include <stdio.h>
#include <string.h>

#include "fcgi-api/api.h"
#include "t/unit/bytes.h"
#include "t/unit/tap.h"

static struct arena *arena;
static struct field_value values[FIELDS_MAX];

/* Parses the body that format and text make. Returns the error, or NULL. */
static const char *parse_form(const struct form *form, const char *format, const char *text)
{
    char body[40000];
    int length = snprintf(body, sizeof body, format, text);
    arena_reset(arena);
    return body_parse(arena, body, (size_t)length, form->fields, form->count, values);
}

static void test_credentials(void)
{
    static const char name[] = "{\"user_name\":\"%s\",\"pwd\":\"12345678\"}";
    static const char password[] = "{\"user_name\":\"ann\",\"pwd\":\"%s\"}";
    is_text(parse_form(&credentials_form, name, "a"), NULL, "a name of 1 character is accepted");
    is_text(parse_form(&credentials_form, name, bytes_repeat('x', 40)), NULL,
            "a name of 40 characters is accepted");
    is_text(parse_form(&credentials_form, name, bytes_repeat('x', 41)),
            "user_name is longer than 40 characters", "a name of 41 characters is rejected");
    is_text(parse_form(&credentials_form, name, " \\t "), "user_name is empty", "a blank name is rejected");
    is_text(parse_form(&credentials_form, name, "a\\nb"), "user_name contains a control character",
            "a name of two lines is rejected");
    is_text(parse_form(&credentials_form, name, "  J\xc3\xb6rg M. "), NULL,
            "a name with surrounding spaces is accepted");
    is_text(values[0].text, "J\xc3\xb6rg M.", "a name with surrounding spaces is trimmed");
    is_text(parse_form(&credentials_form, password, bytes_repeat('x', 8)), NULL,
            "a password of 8 bytes is accepted");
    is_text(parse_form(&credentials_form, password, bytes_repeat('x', 7)), "pwd is shorter than 8 bytes",
            "a password of 7 bytes is rejected");
    is_text(parse_form(&credentials_form, password, bytes_repeat('x', 256)), NULL,
            "a password of 256 bytes is accepted");
    is_text(parse_form(&credentials_form, password, bytes_repeat('x', 257)), "pwd is longer than 256 bytes",
            "a password of 257 bytes is rejected");
    is_text(parse_form(&credentials_form, password, "        "), NULL, "a password of spaces is accepted");
    is_text(values[1].text, "        ", "a password of spaces is not trimmed");
    is_text(parse_form(&credentials_form, "{\"user_name\":\"ann\"}%s", ""), "pwd is missing",
            "a body without a password is rejected");
    is_text(parse_form(&credentials_form, "{\"pwd\":\"12345678\"}%s", ""), "user_name is missing",
            "a body without a name is rejected");
}

static void test_password(void)
{
    static const char password[] = "{\"pwd\":\"%s\",\"old_pwd\":\"x\"}";
    static const char old[] = "{\"pwd\":\"12345678\",\"old_pwd\":\"%s\"}";
    is_text(parse_form(&password_form, password, bytes_repeat('x', 8)), NULL,
            "a new password of 8 bytes is accepted");
    is_text(parse_form(&password_form, password, bytes_repeat('x', 7)), "pwd is shorter than 8 bytes",
            "a new password of 7 bytes is rejected");
    is_text(parse_form(&password_form, password, bytes_repeat('x', 256)), NULL,
            "a new password of 256 bytes is accepted");
    is_text(parse_form(&password_form, password, bytes_repeat('x', 257)), "pwd is longer than 256 bytes",
            "a new password of 257 bytes is rejected");
    is_text(parse_form(&password_form, old, ""), NULL, "an empty old password is accepted");
    is_text(parse_form(&password_form, old, bytes_repeat('x', 257)), "old_pwd is longer than 256 bytes",
            "an old password of 257 bytes is rejected");
    is_text(parse_form(&password_form, "{\"pwd\":\"12345678\"}%s", ""), "old_pwd is missing",
            "a body without the old password is rejected");
    is_text(parse_form(&password_form, "{\"old_pwd\":\"12345678\"}%s", ""), "pwd is missing",
            "a body without the new password is rejected");
}

static void test_video(void)
{
    static const char title[] = "{\"title\":\"%s\"}";
    static const char description[] = "{\"title\":\"t\",\"description\":\"%s\"}";
    is_text(parse_form(&video_form, title, bytes_repeat('x', 200)), NULL,
            "a title of 200 characters is accepted");
    is_text(parse_form(&video_form, title, bytes_repeat('x', 201)), "title is longer than 200 characters",
            "a title of 201 characters is rejected");
    is_text(parse_form(&video_form, title, " "), "title is empty", "a blank title is rejected");
    is_text(parse_form(&video_form, description, ""), NULL, "an empty description is accepted");
    is_text(parse_form(&video_form, description, bytes_repeat('x', 5000)), NULL,
            "a description of 5,000 characters is accepted");
    is_text(parse_form(&video_form, description, bytes_repeat('x', 5001)),
            "description is longer than 5000 characters", "a description of 5,001 characters is rejected");
    is_text(parse_form(&video_form, description, "a\\nb"), NULL, "a description of two lines is accepted");
    is_text(parse_form(&video_form, "{\"title\":\"t\",\"author_id\":%s}", "7"), NULL,
            "an author_id is accepted");
    is_text(parse_form(&video_form, "{\"title\":\"t\",\"author_id\":%s}", "\"7\""),
            "author_id is not an integer", "an author_id as text is rejected");
}

static void test_video_edit(void)
{
    static const char title[] = "{\"title\":\"%s\"}";
    static const char description[] = "{\"description\":\"%s\"}";
    is_text(parse_form(&video_edit_form, title, bytes_repeat('x', 200)), NULL,
            "a title of 200 characters is accepted");
    is_text(parse_form(&video_edit_form, title, bytes_repeat('x', 201)),
            "title is longer than 200 characters", "a title of 201 characters is rejected");
    is_text(parse_form(&video_edit_form, title, " "), "title is empty", "a blank title is rejected");
    is_text(parse_form(&video_edit_form, description, ""), NULL,
            "an empty description without a title is accepted");
    ok(values[1].present && !values[0].present, "the description is present and the title is absent");
    is_text(parse_form(&video_edit_form, description, bytes_repeat('x', 5000)), NULL,
            "a description of 5,000 characters is accepted");
    is_text(parse_form(&video_edit_form, description, bytes_repeat('x', 5001)),
            "description is longer than 5000 characters", "a description of 5,001 characters is rejected");
}

static void test_comment(void)
{
    static const char content[] = "{\"content\":\"%s\"}";
    is_text(parse_form(&comment_form, content, "a\\n\\tb"), NULL, "a comment of two lines is accepted");
    is_text(values[0].text, "a\n\tb", "a comment of two lines is unchanged");
    is_text(parse_form(&comment_form, content, bytes_repeat('x', 1000)), NULL,
            "a comment of 1,000 characters is accepted");
    is_text(parse_form(&comment_form, content, bytes_repeat('x', 1001)),
            "content is longer than 1000 characters", "a comment of 1,001 characters is rejected");
    is_text(parse_form(&comment_form, content, "\\n \\n"), "content is empty", "a blank comment is rejected");
    is_text(parse_form(&comment_form, "{}%s", ""), "content is missing",
            "a body without content is rejected");
}

int main(void)
{
    arena = arena_create();
    test_credentials();
    test_password();
    test_video();
    test_video_edit();
    test_comment();
    arena_destroy(arena);
    return done_testing();
}
