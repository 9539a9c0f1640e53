# Property test with 10,000 random requests: none causes a 5xx response or ends a process, and the rows in the
# database are exactly those that responses have acknowledged. PROPERTY_SEED=N repeats a run,
# PROPERTY_REQUESTS=N sets the number of requests.

use v5.36;

use FindBin;
use JSON::PP ();

use lib "$FindBin::Bin/lib";
use FastCGI;
use Parallel;
use Site;

use constant {
    PROCESSES => 4,
    PASSWORD  => 'correct horse',
    SECONDS   => 60,
};

my $SEED     = $ENV{PROPERTY_SEED} // time;
my $REQUESTS = $ENV{PROPERTY_REQUESTS} // 10_000;
my $JSON     = JSON::PP->new->utf8->canonical->allow_nonref;

# Cheap hashes, because many requests register users; a long timeout, for a busy machine.
my $site = Site->start(VS_DATABASE_TIMEOUT_MS => 30_000, VS_PASSWORD_MEMORY_KIB => 8, VS_PASSWORD_PASSES => 1);
my ($ann, $bob) = map { $site->user($_) } qw(ann bob);
my @videos = map { $ann->post('/api/videos', {title => "Video $_"})->json->{id} } 1 .. 20;
$ann->upload($_, 'bunny.mp4')->is(201) for @videos[0 .. 4];
my @comments = map { $bob->post("/api/videos/$videos[$_]/comments", {content => "Comment $_"})->json->{id} } 0 .. 9;

# --- random values

sub one_of (@list)  { return $list[rand @list] }
sub maybe  ($share) { return rand() < $share }
sub bytes  ($most)  { return join '', map { chr int rand 256 } 1 .. rand $most }
sub word   ()       { return join '', map { one_of('a' .. 'z', 0 .. 9, qw(- _ . ~)) } 1 .. 1 + rand 12 }

# Text that may break a parser.
sub text () {
    return one_of(
        sub { word() }, sub { join ' ', map { word() } 1 .. rand 20 }, sub { '' }, sub { ' ' x rand 10 }, sub { 'x' x one_of(40, 41, 200, 201, 1001, 5001) },
        sub { one_of("\0", "a\0b", "\n", "\r\n", "\x7f", "\e[0m", "\x{feff}", "\x{202e}x", "\x{1f430}" x one_of(1, 40, 200, 201), "e\x{301}", "\x{ffff}") },
        sub { one_of(q{'; DROP TABLE videos; --}, q{' OR 1=1 --}, q{\\'}, '$1', '%s%n', '${x}', '<script>', '../../etc/passwd', '{}', 'null') },
        sub { join '', map { chr one_of(32 .. 126, 160 .. 1000, 0x4e00 .. 0x4e20) } 1 .. rand 60 },
    )->();
}

sub number () { return one_of(0, 1, -1, 1.5, '1e3', 9_223_372_036_854_775_807, '9223372036854775808', '1' . '0' x 40, '-0', int rand 100) }

sub id () { return maybe(0.7) ? one_of(@videos, 1, 2, 3) : one_of(number(), 'x', '', '%31', '1%00', '%ff', word(), encoded(text())) }

sub uuid () {
    return one_of(@comments) if maybe(0.4);
    return one_of('x', '00000000-0000-4000-8000-000000000000', 'F' x 36, one_of(@comments) . 'x', uc one_of(@comments));
}

sub encoded ($text) {
    utf8::encode($text);
    $text =~ s/([^A-Za-z0-9._~-])/sprintf '%%%02X', ord $1/ge;
    $text =~ s/([G-Zg-z])/sprintf '%%%02x', ord $1/e if maybe(0.1);
    return substr $text, 0, 3000;
}

# --- random requests

# Valid bodies, by the end of the path.
my %VALID_BODIES = (
    '/api/users' => sub { {user_name => text(), pwd => maybe(0.8) ? PASSWORD : text()} },
    '/api/sessions' => sub { {user_name => one_of('ann', 'bob', text()), pwd => one_of(PASSWORD, text())} },
    '/api/videos' => sub { {title => maybe(0.5) ? word() : text(), maybe(0.5) ? (description => text()) : ()} },
    comments => sub { {content => maybe(0.5) ? word() : text()} },
);

# Usually a method that is allowed for the path.
sub method ($path) {
    return one_of(qw(GET POST POST)) if maybe(0.7) && $path =~ m{/(?:users|sessions|videos|comments)/?$};
    return one_of(qw(GET GET GET PATCH DELETE)) if maybe(0.7);
    return one_of(qw(GET POST PATCH DELETE HEAD OPTIONS PUT), maybe(0.2) ? qw(TRACE GATE BREW PROPFIND M-SEARCH) : ());
}

sub path () {
    my $path = one_of(
        sub { '/api/users' }, sub { '/api/sessions' }, (sub { '/api/videos' }) x 3, sub { '/api/users/' . id() }, sub { '/api/users/' . id() . '/videos' },
        (sub { '/api/videos/' . id() }) x 2, (sub { '/api/videos/' . id() . '/comments' }) x 3, sub { '/api/videos/' . id() . '/comments/' . uuid() },
        sub { '/api/sessions/' . uuid() }, sub { '/stream/videos/' . id() }, sub { '/stream/videos/' . id() }, sub { '/stream/uploads/' . uuid() },
        sub { '/scheduler/videos/' . id() }, sub { one_of(qw(/ /livez /readyz /metrics /api/openapi.json /-media/x /-upload /-gate /-problem /api /stream)) },
        sub { '/' . join '/', map { one_of('', '.', '..', 'api', 'videos', 'stream', '%2e%2e', '%2f', ';', '%', encoded(text())) } 1 .. rand 8 },
    )->();
    $path .= '/' if maybe(0.1);
    substr $path, 1 + rand(-1 + length $path), 1, one_of('/', '%', '%2f', '?', '.', 'x', '\\', '%00', "\xc3") if maybe(0.05);
    return $path;
}

sub query () {
    return '' if maybe(0.5);
    return '?' . join '&', map {
        one_of('limit', 'cursor', 'q', 'state', 'q', word(), '') . one_of('=', '=', '=', '==', '')
            . one_of(number(), 'ready', encoded(text()), encoded(text()), one_of('%', '%zz', '%00', '+', "\xff", 'MSAx', '&'))
    } 1 .. 1 + rand 4;
}

sub json () {
    return maybe(0.3) ? text() : maybe(0.4) ? number() : one_of(undef, \1, \0, [], {}, [text()], {text() => number()});
}

# A valid body, one with an error in it, or something else entirely.
sub body ($path) {
    my ($valid) = map { $VALID_BODIES{$_} } grep { $path =~ m{$_/?$} } sort { length $b <=> length $a } keys %VALID_BODIES;
    my $data = $valid && maybe(0.8) ? $valid->() : {map { one_of(qw(title content user_name pwd author_id description)) => json() } 1 .. rand 4};
    $data->{one_of(qw(author_id title x content), text())} = json() if maybe(0.1);
    my $body = $JSON->encode($data);
    return $body if maybe(0.6);
    return one_of(
        sub { substr $body, 0, rand length $body },
        sub { substr $body, rand(length $body), 1, chr rand 256; $body },
        sub { bytes(300) }, sub { '' }, sub { ' ' x rand 70_000 }, sub { $body . ' ' x 66_000 }, sub { '[' x rand 2000 }, sub { '{"a":' x rand 2000 },
        sub { '{"title":"' . bytes(50) . '"}' }, sub { '{"title":"\\u' . one_of('0000', 'd800', 'dc00', 'zzzz', '00') . '"}' },
        sub { '{"title":"a","title":"' . word() . '"}' }, sub { $body . one_of('x', "\0", $body, ',') },
        sub { FastCGI::begin(1, 1) . FastCGI::params(1, {REQUEST_METHOD => 'POST', REQUEST_URI => '/api/users'}) . FastCGI::stdin(1, $body) },
        sub { "--b\r\nContent-Disposition: form-data; name=\"" . one_of('file', 'x') . "\"\r\n\r\n" . bytes(300) . "\r\n--b" . one_of("--\r\n", '', "\r\n") },
    )->();
}

sub headers () {
    my $session = one_of(($ann->session) x 4, ($bob->session) x 2, word(), "\xff", 'x' x 43);
    my @headers = maybe(0.6) ? one_of("X-Session-Id: $session", "Authorization: Bearer $session", "Cookie: X-Session-Id=$session; X-User-Id=" . number()) : ();
    push @headers, one_of(
        'Content-Type: ' . one_of('application/json', 'text/plain', 'multipart/form-data; boundary=b', 'multipart/form-data', 'video/mp4', 'application/offset+octet-stream', word()),
        'Range: bytes=' . one_of('0-', '-1', '5-2', '0-0,2-3', '0-' . number(), '-', word()), 'Idempotency-Key: ' . one_of(1 .. 50, word(), '', "\xe9", 'k' x 300),
        'If-None-Match: ' . one_of('*', '"1"', 'W/"1"', '"', ',,', word()), 'If-Match: ' . one_of('*', '"1"', 'W/"1"', '"', '"99999999999999999999"', ',,', word()),
        'Origin: ' . one_of('null', 'https://evil.example', 'x', ''), 'Sec-Fetch-Site: ' . one_of('cross-site', 'same-origin', word()),
        'X-Forwarded-For: ' . one_of('1.2.3.4', 'x', "'"), 'X-Accel-Redirect: /-media/x', 'X-HTTP-Method-Override: ' . one_of(qw(PATCH DELETE GATE)),
        'Tus-Resumable: ' . one_of('1.0.0', '0.2', 'x'), 'Upload-Length: ' . number(), 'Upload-Offset: ' . number(), 'Upload-Metadata: ' . one_of('a b', ',', 'filename dGVzdA=='),
        'Content-Digest: ' . one_of('sha-256=:AAAA:', 'x', 'sha-256=' . word()), 'Accept-Encoding: ' . one_of('identity', 'br', 'x;q=2'), 'Cookie: ' . one_of('=', ';;;', 'X-User-Id', 'X-Session-Id=' x 9),
        word() . ': ' . encoded(text()),
    ) for 1 .. rand 4;
    return @headers;
}

# {method, path, bytes}. The framing is valid, so that another request can follow on the connection.
sub a_request () {
    my $path = path();
    my $method = method($path);
    my @headers = ('Host: localhost', headers());
    my $body = $method =~ /^(?:GET|HEAD|OPTIONS)$/ && maybe(0.9) ? undef : body($path);
    if (defined $body && maybe(0.1)) {
        push @headers, 'Transfer-Encoding: chunked';
        my $rest = $body;
        $body = '';
        while (length $rest) {
            my $chunk = substr $rest, 0, 1 + rand 5000, '';
            $body .= sprintf "%x\r\n%s\r\n", length $chunk, $chunk;
        }
        $body .= "0\r\n\r\n";
    }
    elsif (defined $body) {
        push @headers, 'Content-Length: ' . length $body;
    }
    my $target = $path . query();
    utf8::encode($target) if utf8::is_utf8($target);
    $target =~ s/[\0-\x20\x7f]/x/g;
    return {method => $method, path => $path, bytes => join("\r\n", "$method $target HTTP/1.1", @headers, '', '') . ($body // '')};
}

# --- sending requests

# What a response acknowledges: "+KIND/ID" for a row that was added, "-KIND/ID" for one that was deleted, "?KIND/ID"
# for one that may have been deleted.
sub acknowledged ($request, $response) {
    my ($method, $path, $status) = ($request->{method}, $request->{path}, $response->status);
    $path =~ s/%([0-9a-fA-F]{2})/chr hex $1/ge;
    return if $status >= 300 || $method !~ /^(?:POST|DELETE)$/;
    my ($location) = ($response->header('Location') // '') =~ m{^/api/(\w+/\d+)$};
    return "+$location" if $location;
    return '+comments/' . $response->json->{id} if $status == 201 && $response->body =~ /"post_time"/;
    return "-videos/$1" if $status == 204 && $path =~ m{^/api/videos/(\d+)/?$};
    # A video with this id may have been added after the deletion was accepted.
    return (grep { $_ == $1 } @videos) ? "-videos/$1" : "?videos/$1" if $status == 200 && $path =~ m{^/scheduler/videos/(\d+)/?$};
    return "-comments/\L$1" if $status == 204 && $path =~ m{/comments/([^/]+)/?$};
    return;
}

# Sends requests one after another. Returns lines: acknowledgements, "!..." for an error, "~..." for a retry, and
# "=STATUS COUNT".
sub run ($number) {
    srand $SEED + $number;
    my (@lines, %statuses);
    my $connection = $site->connect;
    for my $count (1 .. $REQUESTS / PROCESSES) {
        my $request = a_request();
        my ($bytes, $failure) = ('', '');
        # The server may close a kept connection at any time; then the request is sent again.
        for my $try (1, 2) {
            $connection = $site->connect if $connection->{ended};
            $bytes = eval { $connection->send($request->{bytes}, undef, SECONDS)->answer($request->{method}, SECONDS) } // '';
            $failure = $@ =~ s/\s+/ /gr;
            last if $bytes ne '' || !$connection->{ended};
            push @lines, "~$request->{method} $request->{path}: $failure";
        }
        my $response = Site::Response->new(bytes => $bytes, request => 'x', site => $site);
        my $status = $response->status;
        $statuses{$status}++;
        push @lines, acknowledged($request, $response);
        push @lines,
            "!$status: $failure" . substr($JSON->encode("$request->{bytes}"), 0, 600) if $status < 200 || $status >= 500;
        push @lines, "!$status without a request id" if $status && !defined $response->header('X-Request-Id');
        $connection->close if ($response->header('Connection') // '') eq 'close' || $connection->was_answered || !$status;
    }
    return join "\t", @lines, map { "=$_ $statuses{$_}" } sort keys %statuses;
}

$site->expect_log(qr/client intended to send too large (?:chunked )?body/);
note "PROPERTY_SEED=$SEED";
my @before = map { "$_->[0]" } $site->sql(q{SELECT 'users/' || id FROM users UNION ALL SELECT 'videos/' || id FROM videos UNION ALL SELECT 'comments/' || id FROM comments});
my %workers = map { $_ => 1 } map { $site->pids($_) } qw(fcgi-api fcgi-stream scheduler nginx);
my @lines = map { split /\t/ } Parallel::at_once(map { my $number = $_; sub { run($number) } } 1 .. PROCESSES);

my %statuses;
/^=(\d+) (\d+)/ and $statuses{$1} += $2 for @lines;
note join ', ', map { "$statuses{$_} times $_" } sort keys %statuses;
my @wrong = grep { /^!/ || /^died/ } @lines;
is_deeply [splice @wrong, 0, 5], [], "no request of PROPERTY_SEED=$SEED causes an error";
ok $statuses{$_}, "some responses have the status $_" for 200, 201, 204, 400, 401, 403, 404, 405, 413;

# Comments may also be deleted together with their video.
my %doubtful = map { /^[?](.+)/ ? ($1 => 1) : () } @lines;
my %deleted = map { /^-(.+)/ ? ($1 => 1) : () } @lines;
my %wanted = map { $_ => 1 } grep { !$deleted{$_} } @before, map { /^\+(.+)/ ? $1 : () } @lines;
my %there = map { $_->[0] => 1 } $site->sql(q{SELECT 'users/' || id FROM users UNION ALL SELECT 'videos/' || id FROM videos UNION ALL SELECT 'comments/' || id FROM comments});
is_deeply [grep { !$wanted{$_} && !$doubtful{$_} } sort keys %there], [],
    'each row in the database was acknowledged' or diag join "\n", grep { /^~/ } @lines;
is_deeply [grep { !/^comments/ && !$there{$_} && !$doubtful{$_} } sort keys %wanted], [],
    'each acknowledged row is in the database';
is_deeply [grep { !$workers{$_} } map { $site->pids($_) } qw(fcgi-api fcgi-stream scheduler nginx)], [],
    'no process has been restarted';
$site->get('/readyz')->is(200, 'the site is still ready');

done_testing;
