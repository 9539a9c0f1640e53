# Bodies that are no JSON object, or too large, or sent in an odd way.

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

# A body with all fields of all requests, so that it would be fine for each.
my $GOOD = JSON::PP->new->canonical->encode(
    {user_name => 'Bunny', pwd => 'correct horse', title => 'Bunny', content => 'Nice.', description => 'A rabbit.'});

my $NO_OBJECT = qr/^the body is not (?:valid JSON|a JSON object)$/;

my @bad = (
    # why, body, detail
    ['empty',                    '',                              'the body is empty'],
    ['a space',                  ' ',                             'the body is not valid JSON'],
    ['a form',                   'title=Bunny&content=Nice.',     'the body is not valid JSON'],
    ['a word',                   'Bunny',                         'the body is not valid JSON'],
    ['null',                     'null',                          $NO_OBJECT],
    ['true',                     'true',                          $NO_OBJECT],
    ['a number',                 '42',                            $NO_OBJECT],
    ['a string',                 '"Bunny"',                       $NO_OBJECT],
    ['an empty array',           '[]',                            'the body is not a JSON object'],
    ['an object in an array',    "[$GOOD]",                       'the body is not a JSON object'],
    ['an object in a string',    JSON::PP->new->allow_nonref->encode($GOOD), 'the body is not a JSON object'],
    ['an object in an object',   qq({"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":$GOOD}}}}}}}}), 'the body is not valid JSON'],
    ['deep arrays',              '[' x 60_000,                    'the body is not valid JSON'],
    ['deep arrays in a member',  '{"a":' . '[' x 30_000 . ']' x 30_000 . ',' . substr($GOOD, 1), 'the body is not valid JSON'],
    ['deep objects',             '{"a":' x 10_000 . '1' . '}' x 10_000,       'the body is not valid JSON'],
    ['closing brackets',         '}' x 60_000,                    'the body is not valid JSON'],
    ['a word behind',            "$GOOD x",                       'the body is not valid JSON'],
    ['a bracket behind',         "$GOOD}",                        'the body is not valid JSON'],
    ['two objects',              "$GOOD$GOOD",                    'the body is not valid JSON'],
    ['a NUL behind',             "$GOOD\0",                       'the body is not valid JSON'],
    ['a NUL and more behind',    "$GOOD\0$GOOD",                  'the body is not valid JSON'],
    ['a byte order mark',        "\xef\xbb\xbf$GOOD",             'the body is not valid JSON'],
    ['a UTF-16 byte order mark', "\xff\xfe$GOOD",                 'the body is not UTF-8'],
    ['UTF-16',                   join("\0", split //, $GOOD),     'the body is not valid JSON'],
    ['an odd space in front',    "\xc2\xa0$GOOD",                 'the body is not valid JSON'],
    ['a form feed in front',     "\f$GOOD",                       'the body is not valid JSON'],
    ['without its end',          substr($GOOD, 0, -1),            'the body is not valid JSON'],
    ['without its start',        substr($GOOD, 1),                'the body is not valid JSON'],
    ['no UTF-8 anywhere',        "\x80\x81\x82",                  'the body is not UTF-8'],
    ['no UTF-8 in some member',  $GOOD =~ s/\}$/,"x":"\xff"}/r,   'the body is not UTF-8'],
    ['no UTF-8 in some name',    $GOOD =~ s/\}$/,"\xff":1}/r,     'the body is not UTF-8'],
    (map { ["with $_", $GOOD =~ s/\}$/,"x":$_}/r, 'the body is not valid JSON'] }
        'NaN', 'Infinity', '-Infinity', '+1', '01', '1.', '.5', '1e', '0x10', 'TRUE', 'undefined', "'x'", '[1,]', '[1 2]', '{"a"}', '{a:1}'),
    ['a comma too many',         $GOOD =~ s/\}$/,}/r,             'the body is not valid JSON'],
    ['two commas',               $GOOD =~ s/,/,,/r,               'the body is not valid JSON'],
    ['no comma',                 $GOOD =~ s/,/ /r,                'the body is not valid JSON'],
    ['no colon',                 $GOOD =~ s/:/ /r,                'the body is not valid JSON'],
    ['a comment',                "/* a rabbit */ $GOOD",          'the body is not valid JSON'],
    ['a comment at the end',     "$GOOD // a rabbit",             'the body is not valid JSON'],
);

my @large = (
    # why, body
    ['64 KiB and one byte',  $GOOD . ' ' x (64 * KIB + 1 - length $GOOD)],
    ['a large member',       $GOOD =~ s/\}$/',"x":"' . 'x' x (64 * KIB) . '"}'/er],
    ['a million brackets',   '[' x 1_000_000],
    ['a million objects',    '{"a":' x 200_000],
    ['1 MiB',                $GOOD . ' ' x (MIB - length $GOOD)],
    ['1 MiB and one byte',   $GOOD . ' ' x (MIB + 1 - length $GOOD)],
    ['4 MiB',                $GOOD . ' ' x (4 * MIB - length $GOOD)],
    ['64 KiB of no UTF-8',   "\xff" x (64 * KIB + 1)],
);

sub chunked ($body, $size) { return join '', (map { sprintf "%x\r\n%s\r\n", length, $_ } unpack "(a$size)*", $body), "0\r\n\r\n" }

my %CHUNKED = ('Transfer-Encoding' => 'chunked', 'Content-Length' => undef);

$site->expect_log(qr/client intended to send too large (?:chunked )?body/);

for my $request (sort keys %requests) {
    my ($who, $path) = @{$requests{$request}};
    subtest "$request: no good body" => sub {
        my $before = Site::Snapshot::take($site);
        for my $case (@bad) {
            my ($why, $body, $detail) = @$case;
            my $problem = $who->post($path, $body)->is(400, $why)->problem('001')->json;
            like $problem->{detail}, ref $detail ? $detail : qr/^\Q$detail\E$/, 'the answer says so';
        }
        $who->request('POST', $path)->is(400, 'no body, no length')->problem('001');
        $who->post($path, '', headers => {'Content-Length' => 0})->is(400, 'a length of 0')->problem('001');
        $who->post($path, "0\r\n\r\n", headers => \%CHUNKED)->is(400, 'no chunk')->problem('001');
        $who->post($path, chunked(substr($GOOD, 0, 20), 7), headers => \%CHUNKED)->is(400, 'chunks without the end')->problem('001');
        is_deeply Site::Snapshot::take($site), $before, 'nothing has changed';
    };
    subtest "$request: too large a body" => sub {
        my $before = Site::Snapshot::take($site);
        for my $case (@large) {
            my ($why, $body) = @$case;
            $who->post($path, $body)->is(413, $why)->problem('002');
            $who->post($path, chunked($body, 60_000), headers => \%CHUNKED)->is(413, "$why, in chunks")->problem('002');
        }
        is_deeply Site::Snapshot::take($site), $before, 'nothing has changed';
    };
}

# [what, body, options]; each adds a video with this title.
subtest 'good bodies' => sub {
    for my $case (
        ['spaces and newlines around',  " \r\n\t$GOOD\n"],
        ['exactly 64 KiB',              $GOOD . ' ' x (64 * KIB - length $GOOD)],
        ['other members',               $GOOD =~ s/\}$/,"x":[1,{"y":null}],"":-1.5e-3,"Title":"no"}/r],
        ['a member twice',              $GOOD =~ s/^\{/{"title":"first",/r],
        ['a member twice, first wrong', $GOOD =~ s/^\{/{"title":42,/r],
        ['escapes',                     $GOOD =~ s/"Bunny"/"\\u0042\\u0075nn\\u0079"/gr],
        ['an escaped name',             $GOOD =~ s/"title"/"\\u0074itle"/r],
        ['one chunk',                   chunked($GOOD, 1000), headers => \%CHUNKED],
        ['a chunk a byte',              chunked($GOOD, 1), headers => \%CHUNKED],
    ) {
        my ($what, $body, %options) = @$case;
        is $ann->post('/api/videos', $body, %options)->is(201, $what)->json->{title}, 'Bunny', 'the title is there';
    }
};

subtest 'the rest of a connection' => sub {
    for my $case (@large[0, 4], $bad[12]) {
        my ($why, $body) = @$case;
        my $connection = $site->connect;
        $ann->post('/api/videos', $body, on => $connection)->is(length $body > 64 * KIB ? 413 : 400, $why);
        $ann->post('/api/videos', $GOOD, on => $connection)->is(201, 'and then a good one');
    }
};

done_testing;
