/* The bounds of what clients send, as the HTTP contract has them. */
#include <stdio.h>
#include <string.h>

#include "fcgi-api/api.h"
#include "t/unit/bytes.h"
#include "t/unit/tap.h"

static struct arena *arena;
static struct field_value values[FIELDS_MAX];

/* What is wrong with that body. */
static const char *read_form(const struct form *form, const char *format, const char *text)
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
    is_text(read_form(&credentials_form, name, "a"), NULL, "a name of one character");
    is_text(read_form(&credentials_form, name, bytes_repeat('x', 40)), NULL, "of 40");
    is_text(read_form(&credentials_form, name, bytes_repeat('x', 41)),
            "user_name is longer than 40 characters", "of 41");
    is_text(read_form(&credentials_form, name, " \\t "), "user_name is empty", "of blanks");
    is_text(read_form(&credentials_form, name, "a\\nb"), "user_name has a control character", "of two lines");
    is_text(read_form(&credentials_form, name, "  J\xc3\xb6rg M. "), NULL, "a name with blanks");
    is_text(values[0].text, "J\xc3\xb6rg M.", "is trimmed");
    is_text(read_form(&credentials_form, password, bytes_repeat('x', 8)), NULL, "a password of 8 bytes");
    is_text(read_form(&credentials_form, password, bytes_repeat('x', 7)), "pwd is shorter than 8 bytes",
            "of 7");
    is_text(read_form(&credentials_form, password, bytes_repeat('x', 256)), NULL, "of 256");
    is_text(read_form(&credentials_form, password, bytes_repeat('x', 257)), "pwd is longer than 256 bytes",
            "of 257");
    is_text(read_form(&credentials_form, password, "        "), NULL, "of blanks, as it is");
    is_text(values[1].text, "        ", "they are kept");
    is_text(read_form(&credentials_form, "{\"user_name\":\"ann\"}%s", ""), "pwd is missing",
            "without a password");
    is_text(read_form(&credentials_form, "{\"pwd\":\"12345678\"}%s", ""), "user_name is missing",
            "without a name");
}

static void test_password(void)
{
    static const char password[] = "{\"pwd\":\"%s\",\"old_pwd\":\"x\"}";
    static const char old[] = "{\"pwd\":\"12345678\",\"old_pwd\":\"%s\"}";
    is_text(read_form(&password_form, password, bytes_repeat('x', 8)), NULL, "a new password of 8 bytes");
    is_text(read_form(&password_form, password, bytes_repeat('x', 7)), "pwd is shorter than 8 bytes", "of 7");
    is_text(read_form(&password_form, password, bytes_repeat('x', 256)), NULL, "of 256");
    is_text(read_form(&password_form, password, bytes_repeat('x', 257)), "pwd is longer than 256 bytes",
            "of 257");
    is_text(read_form(&password_form, old, ""), NULL, "an old one of any length");
    is_text(read_form(&password_form, old, bytes_repeat('x', 257)), "old_pwd is longer than 256 bytes",
            "up to 256 bytes");
    is_text(read_form(&password_form, "{\"pwd\":\"12345678\"}%s", ""), "old_pwd is missing",
            "without the old");
    is_text(read_form(&password_form, "{\"old_pwd\":\"12345678\"}%s", ""), "pwd is missing",
            "without the new");
}

static void test_video(void)
{
    static const char title[] = "{\"title\":\"%s\"}";
    static const char description[] = "{\"title\":\"t\",\"description\":\"%s\"}";
    is_text(read_form(&video_form, title, bytes_repeat('x', 200)), NULL, "a title of 200 characters");
    is_text(read_form(&video_form, title, bytes_repeat('x', 201)), "title is longer than 200 characters",
            "of 201");
    is_text(read_form(&video_form, title, " "), "title is empty", "of a blank");
    is_text(read_form(&video_form, description, ""), NULL, "an empty description");
    is_text(read_form(&video_form, description, bytes_repeat('x', 5000)), NULL, "of 5,000 characters");
    is_text(read_form(&video_form, description, bytes_repeat('x', 5001)),
            "description is longer than 5000 characters", "of 5,001");
    is_text(read_form(&video_form, description, "a\\nb"), NULL, "of two lines");
    is_text(read_form(&video_form, "{\"title\":\"t\",\"author_id\":%s}", "7"), NULL, "an author");
    is_text(read_form(&video_form, "{\"title\":\"t\",\"author_id\":%s}", "\"7\""),
            "author_id is not an integer", "an author as text");
}

static void test_video_edit(void)
{
    static const char title[] = "{\"title\":\"%s\"}";
    static const char description[] = "{\"description\":\"%s\"}";
    is_text(read_form(&video_edit_form, title, bytes_repeat('x', 200)), NULL, "a title of 200 characters");
    is_text(read_form(&video_edit_form, title, bytes_repeat('x', 201)), "title is longer than 200 characters",
            "of 201");
    is_text(read_form(&video_edit_form, title, " "), "title is empty", "of a blank");
    is_text(read_form(&video_edit_form, description, ""), NULL, "an empty description alone");
    ok(values[1].present && !values[0].present, "is there, and a title isn't");
    is_text(read_form(&video_edit_form, description, bytes_repeat('x', 5000)), NULL, "of 5,000 characters");
    is_text(read_form(&video_edit_form, description, bytes_repeat('x', 5001)),
            "description is longer than 5000 characters", "of 5,001");
}

static void test_comment(void)
{
    static const char content[] = "{\"content\":\"%s\"}";
    is_text(read_form(&comment_form, content, "a\\n\\tb"), NULL, "a comment of two lines");
    is_text(values[0].text, "a\n\tb", "is as it was");
    is_text(read_form(&comment_form, content, bytes_repeat('x', 1000)), NULL, "of 1,000 characters");
    is_text(read_form(&comment_form, content, bytes_repeat('x', 1001)),
            "content is longer than 1000 characters", "of 1,001");
    is_text(read_form(&comment_form, content, "\\n \\n"), "content is empty", "of blanks");
    is_text(read_form(&comment_form, "{}%s", ""), "content is missing", "of nothing");
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
