# Every field of every JSON body: the values that are rejected, and unusual values that are accepted.

use v5.36;
use utf8;

use FindBin;
use JSON::PP ();

use lib "$FindBin::Bin/lib";
use Site;
use Site::Snapshot;

use constant PASSWORD => 'correct horse';

my $site = Site->start;
my $ann  = $site->user('ann');
my $vid  = $ann->post('/api/videos', {title => 'Bunny'})->is(201)->json->{id};
my $JSON = JSON::PP->new->utf8->allow_nonref;

my $count = 0;
sub new_name () { return 'user ' . ++$count }

# good: makes a valid body with all fields. done: the status of a valid request. Each name that is used
# for logging in has been registered by an earlier row.
my %requests = (
    'register' => {
        who  => $site,
        path => '/api/users',
        good => sub { {user_name => new_name(), pwd => PASSWORD} },
        done => 201,
    },
    'log in' => {
        who  => $site,
        path => '/api/sessions',
        good => sub { {user_name => new_name(), pwd => PASSWORD} },
        done => 200,
    },
    'add a video' => {
        who  => $ann,
        path => '/api/videos',
        good => sub { {title => 'Bunny', description => 'A rabbit.', author_id => $ann->id} },
        done => 201,
    },
    'comment' => {
        who  => $ann,
        path => "/api/videos/$vid/comments",
        good => sub { {content => 'Nice.', author_id => $ann->id} },
        done => 201,
    },
);

my @fields = (
    # request, field, kinds of the field, maximum of characters
    ['register',    'user_name',   ['string', 'required', 'line', 'filled'], 40],
    ['register',    'pwd',         ['string', 'required', 'secret'],         undef],
    ['log in',      'user_name',   ['string', 'required', 'line', 'filled'], 40],
    ['log in',      'pwd',         ['string', 'required', 'secret'],         undef],
    ['add a video', 'title',       ['string', 'required', 'line', 'filled'], 200],
    ['add a video', 'description', ['string', 'optional', 'text'],           5000],
    ['add a video', 'author_id',   ['id', 'optional'],                       undef],
    ['comment',     'content',     ['string', 'required', 'text', 'filled'], 1000],
    ['comment',     'author_id',   ['id', 'optional'],                       undef],
);

# [what the value is, its JSON as bytes (undef: leave out the field), the problem's detail, where FIELD
# stands for the name of the field].
my %bad = (
    required => [
        ['missing', undef,  'FIELD is missing'],
        ['null',    'null', 'FIELD is missing'],
    ],
    optional => [],
    string => [
        (map { ["of type $_->[0]", $_->[1], 'FIELD is not a string'] }
            ['integer', '42'], ['fraction', '4.2'], ['true', 'true'], ['false', 'false'], ['array', '["Bunny"]'],
            ['empty array', '[]'], ['object', '{"Bunny":"Bunny"}'], ['empty object', '{}']),
        (map { ["with $_->[0]", qq{"Bunny $_->[1] rabbit"}, 'the body is not UTF-8'] }
            ['a lone continuation byte', "\x80"], ['an overlong slash in 2 bytes', "\xc0\xaf"], ['an overlong slash in 3 bytes', "\xe0\x80\xaf"],
            ['an overlong NUL', "\xc0\x80"], ['a surrogate', "\xed\xa0\x80"], ['a surrogate pair', "\xed\xa0\xbd\xed\xb8\x80"],
            ['a truncated character', "\xe2\x82"], ['a truncated emoji', "\xf0\x9f\x98"], ['a character above U+10FFFF', "\xf4\x90\x80\x80"],
            ['a 5-byte sequence', "\xf8\x88\x80\x80\x80"], ['a Latin-1 letter', "\xe9"], ['the byte FE', "\xfe"], ['the byte FF', "\xff"]),
        ['ending within a character', "\"Bunny rabbit\xf0\x9f", 'the body is not UTF-8'],
        (map { ["with $_->[0]", qq{"Bunny $_->[1] rabbit"}, 'the body is not valid JSON'] }
            ['a raw newline', "\n"], ['a raw tab', "\t"], ['a raw NUL', "\0"], ['a raw ESC', "\x1b"], ['a truncated \u escape', '\u12'],
            ['a \u escape that is not hex', '\u12g4'], ['a \x escape', '\x41'], ['an unknown escape', '\q'], ['an unescaped quote', '"']),
        ['in single quotes',     q{'Bunny rabbit'}, 'the body is not valid JSON'],
        ['without quotes',       'Bunny',       'the body is not valid JSON'],
        ['without an end quote', '"Bunny',      'the body is not valid JSON'],
    ],
    filled => [
        (map { [$_->[0], $JSON->encode($_->[1]), 'FIELD is empty'] }
            ['empty', ''], ['a space', ' '], ['spaces', ' ' x 10], ['tabs and newlines', "\t\r\n"], ['a no-break space', "\x{a0}"],
            ['wide spaces', "\x{3000}\x{2003}\x{2028}"]),
    ],
    line => [
        (map { ["with $_->[0]", $_->[1], 'FIELD contains a control character'] }
            ['a NUL', '"Bun\u0000ny"'], ['a NUL at the end', '"Bunny\u0000"'], ['a BEL', '"Bun\u0007ny"'], ['an ESC', '"Bun\u001b[31mny"'],
            ['a newline', '"Bun\nny"'], ['a carriage return', '"Bun\rny"'], ['a tab', '"Bun\tny"'], ['a DEL', '"Bun\u007fny"'],
            ['the C1 control U+0085', '"Bun\u0085ny"'], ['the C1 control U+009F', "\"Bun\xc2\x9fny\""]),
    ],
    text => [
        (map { ["with $_->[0]", $_->[1], 'FIELD contains a control character'] }
            ['a NUL', '"Bun\u0000ny"'], ['a NUL at the end', '"Bunny\u0000"'], ['a BEL', '"Bun\u0007ny"'], ['an ESC', '"Bun\u001b[31mny"'],
            ['a form feed', '"Bun\fny"'], ['a backspace', '"Bun\bny"'], ['a DEL', '"Bun\u007fny"'], ['the C1 control U+0085', '"Bun\u0085ny"']),
    ],
    secret => [
        ['empty',                               '""',                        'FIELD is shorter than 8 bytes'],
        ['7 bytes long',                        '"1234567"',                 'FIELD is shorter than 8 bytes'],
        ['4 characters and 7 bytes long',       $JSON->encode('äöüx'),       'FIELD is shorter than 8 bytes'],
        ['257 bytes long',                      $JSON->encode('x' x 257),    'FIELD is longer than 256 bytes'],
        ['65 characters and 260 bytes long',    $JSON->encode('😀' x 65),    'FIELD is longer than 256 bytes'],
        ['60,000 bytes long',                   $JSON->encode('x' x 60_000), 'FIELD is longer than 256 bytes'],
    ],
    id => [
        (map { [$_, $_, 'FIELD is not an integer'] } '"1"', '1.0', '1.5', '1e0', 'true', '[1]', '{"id":1}', '""'),
        (map { [$_, $_, 'FIELD is not an integer from 1 to 2^63-1'] }
            '0', '-1', '-9223372036854775809', '9223372036854775808', '18446744073709551615', '99999999999999999999'),
        (map { [$_, $_, 'the body is not valid JSON'] } '+1', '0x1', '1x', 'NaN', '-Infinity'),
    ],
);

# Values that are one character too long, in characters of one byte and of four.
sub too_long ($max) {
    my $detail = "FIELD is longer than $max characters";
    return map { ["of $max + 1 $_->[0] characters", $JSON->encode($_->[1] x ($max + 1)), $detail] }
        ['ASCII', 'x'], ['4-byte', '😀'];
}

# A valid body of the request, except that the field has this value, which need not be valid JSON.
sub body ($request, $field, $value) {
    my %members = %{$requests{$request}{good}->()};
    delete $members{$field};
    my $others = $JSON->encode(\%members) =~ s/^\{|\}$//gr;
    return '{' . join(',', defined $value ? qq{"$field":$value} : (), length $others ? $others : ()) . '}';
}

sub post ($request, $body) { return $requests{$request}{who}->post($requests{$request}{path}, $body) }

for my $row (@fields) {
    my ($request, $field, $kinds, $max) = @$row;
    subtest "$request: invalid values of $field are rejected" => sub {
        my $before = Site::Snapshot::take($site);
        for my $case ((map { @{$bad{$_}} } @$kinds), defined $max ? too_long($max) : ()) {
            my ($why, $value, $detail) = @$case;
            my $problem = post($request, body($request, $field, $value))
                ->is(400, "$field $why: 400")->problem('001')->json;
            is $problem->{detail}, $detail =~ s/FIELD/$field/r, "$field $why: the detail says what is wrong";
        }
        is_deeply Site::Snapshot::take($site), $before, 'the database has not changed';
    };
}

# [description, text, the text as it is stored when that is different]
my %valid = (
    line => [
        ['right-to-left text',   "\x{5e9}\x{5dc}\x{5d5}\x{5dd} \x{202e}abc\x{202c}"],
        ['a composed emoji',     "\x{1f468}\x{200d}\x{1f469}\x{200d}\x{1f467}"],
        ['combining marks',      "Z\x{351}\x{32b}\x{343}a\x{36a}lgo"],
        ['the last code point',  "\x{10ffff} and \x{fffd}"],
        ['markup',               '<script>alert(1)</script>&amp;'],
        ['quotes and slashes',   q{"'\\/`}],
        ['format strings',       '%s%n%08x {0} ${HOME} $(id)'],
        ['SQL parameters',       '$1, $2::text; ?; :name'],
        ['SQL',                  q{'; DROP TABLE users; --}],
        ['an SQL condition',     q{' OR '1'='1}],
        ['SQL with a backslash', q{\\'; SELECT pg_sleep(9); --}],
        ['a JSON keyword',       'null'],
    ],
    text => [
        ['several lines',        "One\n\n\ttwo\r\nthree\n"],
        ['spaces around',        '  indented  '],
        ['SQL in several lines', "'\n); DELETE FROM videos; --\n"],
    ],
);

# Valid values of a field of these kinds: [description, value, the value as it is stored].
sub valid_values ($kinds, $max) {
    my %kind = map { $_ => 1 } @$kinds;
    return if $kind{secret} || $kind{id};
    my @values = (@{$valid{line}}, $kind{text} ? @{$valid{text}} : ());
    push @values, ["$max ASCII characters", 'x' x $max], ["$max 4-byte characters", '😀' x $max];
    push @values, ["$max characters with spaces around", ' ' . 'y' x $max . "\n", 'y' x $max] if $kind{line};
    push @values, ['an empty string', ''], ['a blank string', " \n "] if !$kind{filled};
    return @values;
}

for my $row (grep { valid_values(@$_[2, 3]) } @fields) {
    my ($request, $field, $kinds, $max) = @$row;
    subtest "$request: unusual values of $field are accepted" => sub {
        for my $case (valid_values($kinds, $max)) {
            my ($what, $value, $kept) = @$case;
            my $response = post($request, body($request, $field, $JSON->encode($value)))
                ->is($requests{$request}{done}, "$what is accepted");
            is $response->json->{$field}, $kept // $value, "$what is returned" if $requests{$request}{done} == 201;
        }
    };
}

subtest 'values are stored and returned unchanged' => sub {
    is $site->get('/api/videos?limit=1')->json->[0]{description}, " \n ", 'a blank description is stored as it is';
    $ann->post("/api/videos/$vid/comments", {content => q{'); DROP TABLE comments; --}})->is(201);
    is $site->get("/api/videos/$vid/comments?limit=1")->json->{comments}[0]{content}, q{'); DROP TABLE comments; --},
        'a comment that looks like SQL is stored as it is';
    my $uid = $site->post('/api/users', {user_name => q{Robert'); DROP TABLE users; --}, pwd => q{' OR '1'='1}})->is(201)->json->{user_id};
    is $site->get("/api/users/$uid")->json->{user_name}, q{Robert'); DROP TABLE users; --},
        'a name that looks like SQL is stored as it is';
    $site->post('/api/sessions', {user_name => q{' OR true --}, pwd => q{' OR '1'='1}})
        ->is(401, 'a name that is an SQL condition matches no user');
    $site->post('/api/sessions', {user_name => q{Robert'); DROP TABLE users; --}, pwd => q{' OR '1'='1}})
        ->is(200, 'the user whose name looks like SQL can log in');
};

subtest 'optional fields may be missing or null' => sub {
    for my $value (undef, 'null') {
        my $name = $value // 'missing';
        is post('add a video', body('add a video', 'description', $value))
            ->is(201)->json->{description}, '', "description $name: the video's description is empty";
        is post('add a video', body('add a video', 'author_id', $value))
            ->is(201)->json->{author_id}, $ann->id, "author_id $name: the video's author is the current user";
        is post('comment', body('comment', 'author_id', $value))
            ->is(201)->json->{author_id}, $ann->id, "author_id $name: the comment's author is the current user";
    }
};

done_testing;
