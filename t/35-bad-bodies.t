# Request bodies that are not a JSON object, that are too large, or that are sent in unusual ways.

use v5.36;

use FindBin;
use JSON::PP ();

use lib "$FindBin::Bin/lib";
use Site;
use Site::Snapshot;

use constant {
    KIB => 1024,
    MIB => 1024 * 1024,
};

my $site = Site->start;
my $ann  = $site->user('ann');
my $vid  = $ann->post('/api/videos', {title => 'Bunny'})->is(201)->json->{id};

my %requests = (
    'register'    => [$site, '/api/users'],
    'log in'      => [$site, '/api/sessions'],
    'add a video' => [$ann,  '/api/videos'],
    'comment'     => [$ann,  "/api/videos/$vid/comments"],
);

# A body with the fields of all requests, so that it is valid for each.
my $GOOD = JSON::PP->new->canonical->encode(
    {user_name => 'Bunny', pwd => 'correct horse', title => 'Bunny', content => 'Nice.', description => 'A rabbit.'});

my $NOT_AN_OBJECT = qr/^the body is not (?:valid JSON|a JSON object)$/;

my @bad = (
    # description, body, detail
    ['empty',                      '',                              'the body is empty'],
    ['a space',                    ' ',                             'the body is not valid JSON'],
    ['a form',                     'title=Bunny&content=Nice.',     'the body is not valid JSON'],
    ['a word',                     'Bunny',                         'the body is not valid JSON'],
    ['null',                       'null',                          $NOT_AN_OBJECT],
    ['true',                       'true',                          $NOT_AN_OBJECT],
    ['a number',                   '42',                            $NOT_AN_OBJECT],
    ['a string',                   '"Bunny"',                       $NOT_AN_OBJECT],
    ['an empty array',             '[]',                            'the body is not a JSON object'],
    ['an object in an array',      "[$GOOD]",                       'the body is not a JSON object'],
    ['an object in a string',      JSON::PP->new->allow_nonref->encode($GOOD), 'the body is not a JSON object'],
    ['an object in an object',     qq({"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":$GOOD}}}}}}}}), 'the body is not valid JSON'],
    ['deep arrays',                '[' x 60_000,                    'the body is not valid JSON'],
    ['deep arrays in a member',    '{"a":' . '[' x 30_000 . ']' x 30_000 . ',' . substr($GOOD, 1), 'the body is not valid JSON'],
    ['deep objects',               '{"a":' x 10_000 . '1' . '}' x 10_000,       'the body is not valid JSON'],
    ['closing brackets',           '}' x 60_000,                    'the body is not valid JSON'],
    ['a word after the object',    "$GOOD x",                       'the body is not valid JSON'],
    ['a bracket after the object', "$GOOD}",                        'the body is not valid JSON'],
    ['two objects',                "$GOOD$GOOD",                    'the body is not valid JSON'],
    ['a NUL after the object',     "$GOOD\0",                       'the body is not valid JSON'],
    ['a NUL and another object',   "$GOOD\0$GOOD",                  'the body is not valid JSON'],
    ['a byte order mark',          "\xef\xbb\xbf$GOOD",             'the body is not valid JSON'],
    ['a UTF-16 byte order mark',   "\xff\xfe$GOOD",                 'the body is not UTF-8'],
    ['UTF-16',                     join("\0", split //, $GOOD),     'the body is not valid JSON'],
    ['a no-break space first',     "\xc2\xa0$GOOD",                 'the body is not valid JSON'],
    ['a form feed first',          "\f$GOOD",                       'the body is not valid JSON'],
    ['no closing brace',           substr($GOOD, 0, -1),            'the body is not valid JSON'],
    ['no opening brace',           substr($GOOD, 1),                'the body is not valid JSON'],
    ['only invalid UTF-8',         "\x80\x81\x82",                  'the body is not UTF-8'],
    ['invalid UTF-8 in a value',   $GOOD =~ s/\}$/,"x":"\xff"}/r,   'the body is not UTF-8'],
    ['invalid UTF-8 in a name',    $GOOD =~ s/\}$/,"\xff":1}/r,     'the body is not UTF-8'],
    (map { ["the value $_", $GOOD =~ s/\}$/,"x":$_}/r, 'the body is not valid JSON'] }
        'NaN', 'Infinity', '-Infinity', '+1', '01', '1.', '.5', '1e', '0x10', 'TRUE', 'undefined', "'x'", '[1,]', '[1 2]', '{"a"}', '{a:1}'),
    ['a trailing comma',     $GOOD =~ s/\}$/,}/r,             'the body is not valid JSON'],
    ['two commas',           $GOOD =~ s/,/,,/r,               'the body is not valid JSON'],
    ['no comma',             $GOOD =~ s/,/ /r,                'the body is not valid JSON'],
    ['no colon',             $GOOD =~ s/:/ /r,                'the body is not valid JSON'],
    ['a comment',            "/* a rabbit */ $GOOD",          'the body is not valid JSON'],
    ['a comment at the end', "$GOOD // a rabbit",             'the body is not valid JSON'],
);

my @large = (
    # description, body
    ['64 KiB and one byte',     $GOOD . ' ' x (64 * KIB + 1 - length $GOOD)],
    ['a large member',          $GOOD =~ s/\}$/',"x":"' . 'x' x (64 * KIB) . '"}'/er],
    ['a million brackets',      '[' x 1_000_000],
    ['a million objects',       '{"a":' x 200_000],
    ['1 MiB',                   $GOOD . ' ' x (MIB - length $GOOD)],
    ['1 MiB and one byte',      $GOOD . ' ' x (MIB + 1 - length $GOOD)],
    ['4 MiB',                   $GOOD . ' ' x (4 * MIB - length $GOOD)],
    ['64 KiB of invalid UTF-8', "\xff" x (64 * KIB + 1)],
);

sub chunked ($body, $size) { return join '', (map { sprintf "%x\r\n%s\r\n", length, $_ } unpack "(a$size)*", $body), "0\r\n\r\n" }

my %CHUNKED = ('Transfer-Encoding' => 'chunked', 'Content-Length' => undef);

$site->expect_log(qr/client intended to send too large (?:chunked )?body/);

for my $request (sort keys %requests) {
    my ($who, $path) = @{$requests{$request}};
    subtest "$request: invalid bodies are rejected with 400" => sub {
        my $before = Site::Snapshot::take($site);
        for my $case (@bad) {
            my ($why, $body, $detail) = @$case;
            my $problem = $who->post($path, $body)->is(400, "$why: 400")->problem('001')->json;
            like $problem->{detail}, ref $detail ? $detail : qr/^\Q$detail\E$/, "$why: the detail says what is wrong";
        }
        $who->request('POST', $path)->is(400, 'no body and no Content-Length: 400')->problem('001');
        $who->post($path, '', headers => {'Content-Length' => 0})->is(400, 'Content-Length 0: 400')->problem('001');
        $who->post($path, "0\r\n\r\n", headers => \%CHUNKED)->is(400, 'an empty chunked body: 400')->problem('001');
        $who->post($path, chunked(substr($GOOD, 0, 20), 7), headers => \%CHUNKED)
            ->is(400, 'a truncated object in chunks: 400')->problem('001');
        is_deeply Site::Snapshot::take($site), $before, 'the database has not changed';
    };
    subtest "$request: bodies over 64 KiB are rejected with 413" => sub {
        my $before = Site::Snapshot::take($site);
        for my $case (@large) {
            my ($why, $body) = @$case;
            $who->post($path, $body)->is(413, "$why: 413")->problem('002');
            $who->post($path, chunked($body, 60_000), headers => \%CHUNKED)
                ->is(413, "$why, in chunks: 413")->problem('002');
        }
        is_deeply Site::Snapshot::take($site), $before, 'the database has not changed';
    };
}

# [description, body, options]; each adds a video with the same title.
subtest 'unusual but valid bodies are accepted' => sub {
    for my $case (
        ['spaces and newlines around the object', " \r\n\t$GOOD\n"],
        ['exactly 64 KiB',                        $GOOD . ' ' x (64 * KIB - length $GOOD)],
        ['unknown members',                       $GOOD =~ s/\}$/,"x":[1,{"y":null}],"":-1.5e-3,"Title":"no"}/r],
        ['a member twice: the last one counts',   $GOOD =~ s/^\{/{"title":"first",/r],
        ['a member twice, the first one invalid', $GOOD =~ s/^\{/{"title":42,/r],
        ['escapes in values',                     $GOOD =~ s/"Bunny"/"\\u0042\\u0075nn\\u0079"/gr],
        ['escapes in a name',                     $GOOD =~ s/"title"/"\\u0074itle"/r],
        ['one chunk',                             chunked($GOOD, 1000), headers => \%CHUNKED],
        ['one chunk for each byte',               chunked($GOOD, 1), headers => \%CHUNKED],
    ) {
        my ($what, $body, %options) = @$case;
        is $ann->post('/api/videos', $body, %options)
            ->is(201, "$what: accepted")->json->{title}, 'Bunny', "$what: the title is stored";
    }
};

subtest 'a connection can be used again after a rejected body' => sub {
    for my $case (@large[0, 4], $bad[12]) {
        my ($why, $body) = @$case;
        my $connection = $site->connect;
        $ann->post('/api/videos', $body, on => $connection)->is(length $body > 64 * KIB ? 413 : 400, "$why: rejected");
        $ann->post('/api/videos', $GOOD, on => $connection)
            ->is(201, "$why: the next request on the connection is accepted");
    }
};

done_testing;
