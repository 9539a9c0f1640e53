# Every field of every body, with everything that it can't be and with the odd things that it can.

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

# good: a body of all fields; done: the status of what is fine. (The names are those that were registered before.)
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
    # request, field, its kinds, characters at most
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

# [why, the JSON of the value as bytes (undef: no such field), the problem's detail]. In a detail FIELD is the field.
my %bad = (
    required => [
        ['missing', undef,  'FIELD is missing'],
        ['null',    'null', 'FIELD is missing'],
    ],
    optional => [],
    string => [
        (map { ["of the type $_->[0]", $_->[1], 'FIELD is not a string'] }
            ['integer', '42'], ['fraction', '4.2'], ['true', 'true'], ['false', 'false'], ['array', '["Bunny"]'],
            ['empty array', '[]'], ['object', '{"Bunny":"Bunny"}'], ['empty object', '{}']),
        (map { ["with $_->[0]", qq{"Bunny $_->[1] rabbit"}, 'the body is not UTF-8'] }
            ['a lone continuation', "\x80"], ['an overlong slash', "\xc0\xaf"], ['an overlong slash in three', "\xe0\x80\xaf"],
            ['an overlong NUL', "\xc0\x80"], ['a surrogate', "\xed\xa0\x80"], ['a surrogate pair', "\xed\xa0\xbd\xed\xb8\x80"],
            ['a character cut short', "\xe2\x82"], ['an emoji cut short', "\xf0\x9f\x98"], ['one above U+10FFFF', "\xf4\x90\x80\x80"],
            ['five bytes', "\xf8\x88\x80\x80\x80"], ['Latin-1', "\xe9"], ['FE', "\xfe"], ['FF', "\xff"]),
        ['cut in a character', "\"Bunny rabbit\xf0\x9f", 'the body is not UTF-8'],
        (map { ["with $_->[0]", qq{"Bunny $_->[1] rabbit"}, 'the body is not valid JSON'] }
            ['a raw newline', "\n"], ['a raw tab', "\t"], ['a raw NUL', "\0"], ['a raw escape', "\x1b"], ['a short escape', '\u12'],
            ['an escape of no hex', '\u12g4'], ['an escape of C', '\x41'], ['an unknown escape', '\q'], ['a quote', '"']),
        ['in single quotes', q{'Bunny rabbit'}, 'the body is not valid JSON'],
        ['not in quotes',    'Bunny',           'the body is not valid JSON'],
        ['without an end',   '"Bunny',          'the body is not valid JSON'],
    ],
    filled => [
        (map { [$_->[0], $JSON->encode($_->[1]), 'FIELD is empty'] }
            ['empty', ''], ['a space', ' '], ['spaces', ' ' x 10], ['tabs and newlines', "\t\r\n"], ['a space that does not break', "\x{a0}"],
            ['wide spaces', "\x{3000}\x{2003}\x{2028}"]),
    ],
    line => [
        (map { ["with $_->[0]", $_->[1], 'FIELD contains a control character'] }
            ['a NUL', '"Bun\u0000ny"'], ['a NUL at the end', '"Bunny\u0000"'], ['a bell', '"Bun\u0007ny"'], ['an escape', '"Bun\u001b[31mny"'],
            ['a newline', '"Bun\nny"'], ['a return', '"Bun\rny"'], ['a tab', '"Bun\tny"'], ['a delete', '"Bun\u007fny"'],
            ['a C1 control', '"Bun\u0085ny"'], ['another', "\"Bun\xc2\x9fny\""]),
    ],
    text => [
        (map { ["with $_->[0]", $_->[1], 'FIELD contains a control character'] }
            ['a NUL', '"Bun\u0000ny"'], ['a NUL at the end', '"Bunny\u0000"'], ['a bell', '"Bun\u0007ny"'], ['an escape', '"Bun\u001b[31mny"'],
            ['a form feed', '"Bun\fny"'], ['a backspace', '"Bun\bny"'], ['a delete', '"Bun\u007fny"'], ['a C1 control', '"Bun\u0085ny"']),
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

# Too long by one character, of one byte and of four.
sub too_long ($max) {
    return map { ["$max characters and one", $JSON->encode($_ x ($max + 1)), "FIELD is longer than $max characters"] } 'x', '😀';
}

# The body of a request with the field's value in it, which may be no JSON at all.
sub body ($request, $field, $value) {
    my %members = %{$requests{$request}{good}->()};
    delete $members{$field};
    my $others = $JSON->encode(\%members) =~ s/^\{|\}$//gr;
    return '{' . join(',', defined $value ? qq{"$field":$value} : (), length $others ? $others : ()) . '}';
}

sub post ($request, $body) { return $requests{$request}{who}->post($requests{$request}{path}, $body) }

for my $row (@fields) {
    my ($request, $field, $kinds, $max) = @$row;
    subtest "$request: $field can't be" => sub {
        my $before = Site::Snapshot::take($site);
        for my $case ((map { @{$bad{$_}} } @$kinds), defined $max ? too_long($max) : ()) {
            my ($why, $value, $detail) = @$case;
            my $problem = post($request, body($request, $field, $value))->is(400, "'$why'")->problem('001')->json;
            is $problem->{detail}, $detail =~ s/FIELD/$field/r, 'the answer says so';
        }
        is_deeply Site::Snapshot::take($site), $before, 'nothing has changed';
    };
}

# [what, text, other text that it is kept as]
my %fine = (
    line => [
        ['right to left',        "\x{5e9}\x{5dc}\x{5d5}\x{5dd} \x{202e}abc\x{202c}"],
        ['an emoji of a family', "\x{1f468}\x{200d}\x{1f469}\x{200d}\x{1f467}"],
        ['combining marks',      "Z\x{351}\x{32b}\x{343}a\x{36a}lgo"],
        ['the last character',   "\x{10ffff} and \x{fffd}"],
        ['markup',               '<script>alert(1)</script>&amp;'],
        ['quotes and slashes',   q{"'\\/`}],
        ['formats',              '%s%n%08x {0} ${HOME} $(id)'],
        ['parameters',           '$1, $2::text; ?; :name'],
        ['SQL',                  q{'; DROP TABLE users; --}],
        ['SQL that is true',     q{' OR '1'='1}],
        ['SQL in E quotes',      q{\\'; SELECT pg_sleep(9); --}],
        ['a word of JSON',       'null'],
    ],
    text => [
        ['lines',                "One\n\n\ttwo\r\nthree\n"],
        ['spaces around',        '  indented  '],
        ['SQL of many lines',    "'\n); DELETE FROM videos; --\n"],
    ],
);

# The values that a field of the kinds can have: [what, value, what it is kept as].
sub fine ($kinds, $max) {
    my %kind = map { $_ => 1 } @$kinds;
    return if $kind{secret} || $kind{id};
    my @fine = (@{$fine{line}}, $kind{text} ? @{$fine{text}} : ());
    push @fine, map { ["$max characters", $_ x $max] } 'x', '😀';
    push @fine, ["$max characters with spaces around", ' ' . 'y' x $max . "\n", 'y' x $max] if $kind{line};
    push @fine, ['empty', ''], ['blank', " \n "] if !$kind{filled};
    return @fine;
}

for my $row (grep { fine(@$_[2, 3]) } @fields) {
    my ($request, $field, $kinds, $max) = @$row;
    subtest "$request: $field can be" => sub {
        for my $case (fine($kinds, $max)) {
            my ($what, $value, $kept) = @$case;
            my $response = post($request, body($request, $field, $JSON->encode($value)))->is($requests{$request}{done}, $what);
            is $response->json->{$field}, $kept // $value, 'and comes back' if $requests{$request}{done} == 201;
        }
    };
}

subtest 'as kept by the database' => sub {
    is $site->get('/api/videos?limit=1')->json->[0]{description}, " \n ", 'the last video';
    $ann->post("/api/videos/$vid/comments", {content => q{'); DROP TABLE comments; --}})->is(201);
    is $site->get("/api/videos/$vid/comments?limit=1")->json->{comments}[0]{content}, q{'); DROP TABLE comments; --}, 'the last comment';
    my $uid = $site->post('/api/users', {user_name => q{Robert'); DROP TABLE users; --}, pwd => q{' OR '1'='1}})->is(201)->json->{user_id};
    is $site->get("/api/users/$uid")->json->{user_name}, q{Robert'); DROP TABLE users; --}, 'a user';
    $site->post('/api/sessions', {user_name => q{' OR true --}, pwd => q{' OR '1'='1}})->is(401, 'SQL is nobody');
    $site->post('/api/sessions', {user_name => q{Robert'); DROP TABLE users; --}, pwd => q{' OR '1'='1}})->is(200, 'but Robert is');
};

subtest 'what may be left out' => sub {
    for my $value (undef, 'null') {
        my $name = $value // 'missing';
        is post('add a video', body('add a video', 'description', $value))->is(201)->json->{description}, '', "description: $name";
        is post('add a video', body('add a video', 'author_id', $value))->is(201)->json->{author_id}, $ann->id, "author_id: $name";
        is post('comment', body('comment', 'author_id', $value))->is(201)->json->{author_id}, $ann->id, "a comment's: $name";
    }
};

done_testing;
