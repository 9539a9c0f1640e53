# No request affects another one on the same connection or at the same time. A request whose client
# disconnects is processed entirely or not at all.

use v5.36;

use FindBin;
use JSON::PP ();

use lib "$FindBin::Bin/lib";
use Parallel;
use Site;
use Site::Snapshot;

use constant {
    UNKNOWN_ID => 9_223_372_036_854_775_807,
    MIB        => 1024 * 1024,
};

my $site = Site->start(VS_DATABASE_TIMEOUT_MS => 10_000);
my $ann  = $site->user('ann');
my $bob  = $site->user('bob');
my $JSON = JSON::PP->new->utf8->canonical;

my $mine = $ann->post('/api/videos', {title => "Ann's", description => 'By ann.'})->is(201)->json->{id};
my $his  = $bob->post('/api/videos', {title => "Bob's", description => 'By bob.'})->is(201)->json->{id};
my $none = $bob->post('/api/videos', {title => 'No comments'})->is(201)->json->{id};
$ann->post("/api/videos/$mine/comments", {content => "Ann's comment"})->is(201);

# Requests in an order in which each could inherit something from the one before: the user, a member of
# the body, an id, a limit, a detail.
my @requests = (
    # client, method, path, body, status, pattern that the response's body matches, pattern that it does not match
    [$ann,  POST   => '/api/videos', {title => 'First', description => 'Long.', author_id => $ann->id}, 201, qr/"author_name":"ann".*"description":"Long\."/],
    [$bob,  POST   => '/api/videos', {title => 'Second'},                        201, qr/"author_name":"bob".*"description":""/, qr/ann|Long|First/],
    [$site, POST   => '/api/videos', {title => 'Third'},                         401, qr/a valid session is needed/],
    [$ann,  POST   => '/api/videos', {description => 'No title.'},               400, qr/title is missing/],
    [$bob,  GET    => '/api/videos/' . UNKNOWN_ID, undef,                        404, qr/"error_code":"007"/, qr/detail/],
    [$bob,  DELETE => "/api/videos/$mine", undef,                                403, qr/"error_code":"006"/, qr/detail/],
    [$site, DELETE => "/api/videos/$mine", undef,                                401, qr/a valid session is needed/],
    [$site, GET    => '/api/videos?limit=1', undef,                              200, qr/^\[\{[^{]*\}\]$/],
    [$site, GET    => '/api/videos', undef,                                      200, qr/^\[\{.*\},\{/],
    [$site, GET    => '/api/users/first', undef,                                 400, qr/the user id/],
    [$ann,  GET    => '/api/users/' . $bob->id, undef,                           200, qr/"user_name":"bob"/, qr/ann/],
    [$site, GET    => "/api/videos/$mine/comments", undef,                       200, qr/Ann's comment/],
    [$site, GET    => "/api/videos/$none/comments", undef,                       200, qr/^\{"comments":\[\]\}$/],
    [$bob,  POST   => "/api/videos/$his/comments", {content => 'So?', author_id => $bob->id}, 201, qr/"author_name":"bob"/, qr/ann/],
    [$ann,  POST   => "/api/videos/$his/comments", {content => 'So.'},           201, qr/"author_name":"ann"/, qr/bob/],
    [$ann,  HEAD   => "/api/videos/$mine", undef,                                200, qr/^$/],
    [$bob,  GET    => "/api/videos/$mine", undef,                                200, qr/"author_name":"ann"/, qr/bob/],
    [$site, OPTIONS => "/api/videos/$mine", undef,                               204, qr/^$/],
    [$site, PUT    => "/api/videos/$mine", undef,                                405, qr/"error_code":"009"/],
    [$ann,  GET    => '/api/nothing', undef,                                     404, qr/"error_code":"007"/, qr/detail/],
    [$bob,  POST   => '/api/videos', '{"title":',                                400, qr/the body is not valid JSON/],
    [$ann,  POST   => '/api/videos', ' ' x 65_537,                               413, qr/larger than 64 KiB/],
    [$bob,  POST   => '/api/videos', {title => 'Fourth'},                        201, qr/"author_name":"bob".*"title":"Fourth","description":""/],
);

sub check ($row, $status, $body, $how) {
    my ($who, $method, $path, undef, $wanted, $has, $has_not) = @$row;
    my $name = ($who->name // 'no session') . ", $method $path, $how:";
    is $status, $wanted, "$name $wanted";
    like $body, $has, "$name the body belongs to this request";
    unlike $body, $has_not, "$name the body has nothing of another request" if $has_not;
    return;
}

subtest 'requests of several users on one FastCGI connection do not affect each other' => sub {
    my $pool = $site->fastcgi('api');
    for my $row (map { @requests } 1 .. 3) {
        my ($who, $method, $path, $body) = @$row;
        my %params = (REQUEST_METHOD => $method, REQUEST_URI => $path);
        $params{HTTP_X_SESSION_ID} = $who->session if defined $who->session;
        my $answer = $pool->request(\%params, keep => 1, body => ref $body ? $JSON->encode($body) : $body);
        check($row, @{$answer}{qw(status body)}, 'over FastCGI');
    }
};

subtest 'requests of several users on one HTTP connection do not affect each other' => sub {
    my $connection = $site->connect;
    for my $row (map { @requests } 1 .. 3) {
        my ($who, $method, $path, $body) = @$row;
        my $response = $who->request($method, $path, defined $body ? (ref $body ? 'json' : 'body', $body) : (), on => $connection);
        check($row, $response->status, $response->body, 'over HTTP');
    }
};

# All requests are sent before the first response is read.
subtest 'pipelined requests of several users do not affect each other' => sub {
    my $connection = $site->connect;
    my @pipelined = grep { $_->[4] != 413 } @requests;
    $connection->send(join '', map {
        my ($who, $method, $path, $body) = @$_;
        $who->bytes($method, $path, defined $body ? (ref $body ? 'json' : 'body', $body) : (), on => $connection);
    } @pipelined);
    for my $row (@pipelined) {
        my $response = Site::Response->new(bytes => $connection->answer($row->[1]), request => "$row->[1] $row->[2]", site => $site);
        check($row, $response->status, $response->body, 'in a pipeline');
    }
};

# Eight users at the same time, each on a kept connection. Each returns the errors that it saw.
subtest 'users that work at the same time do not affect each other' => sub {
    my @users = map { $site->user("user $_") } 1 .. 8;
    my $work = sub ($user) {
        my $connection = $site->connect;
        my @wrong;
        for my $n (1 .. 40) {
            my %about = (title => "$n of " . $user->name, description => $user->name x $n);
            my $made = $user->request('POST', '/api/videos', json => \%about, on => $connection)->json;
            my $shown = $user->request('GET', "/api/videos/$made->{id}", on => $connection)->json;
            for my $video ($made, $shown) {
                my @others = grep { $video->{$_} ne $about{$_} } keys %about;
                push @wrong, "$n: @others" if @others || $video->{author_id} != $user->id || $video->{author_name} ne $user->name;
            }
            push @wrong, "$n: not deleted" if $user->request('DELETE', "/api/videos/$made->{id}", on => $connection)->status != 204;
            push @wrong, "$n: $mine deleted" if $user->request('DELETE', "/api/videos/$mine", on => $connection)->status != 403;
        }
        return join('; ', @wrong) || 'no errors';
    };
    my @seen = Parallel::at_once(map { my $user = $_; sub { $work->($user) } } @users);
    is_deeply \@seen, [('no errors') x @users], 'each user sees only their own data';
    is $site->sql("SELECT count(*) FROM videos v JOIN users u ON u.id = v.author_id WHERE u.name LIKE 'user %'"), 0,
        'all their videos are deleted';
};

# --- clients that disconnect

# Checks that nothing has changed and that the pools still answer.
sub unchanged ($before, $what) {
    $site->soon(sub { $JSON->encode(Site::Snapshot::take($site)) eq $JSON->encode($before) },
        "$what: the data has not changed")
        or is_deeply Site::Snapshot::take($site), $before, "$what: the data";
    $site->get("/api/videos/$mine")->is(200, "$what: the site still answers");
    return;
}

subtest 'a request whose client disconnects before the end of the body has no effect' => sub {
    my $before = Site::Snapshot::take($site);
    my $body = $JSON->encode({title => 'Left', content => 'Left', description => 'x' x 2000});
    my $content = Site::Media::content('mp4');
    for my $case (
        # description, path, body, number of bytes that are sent
        ['add a video, no byte of the body',     '/api/videos',                 $body, 0],
        ['add a video, half of the body',        '/api/videos',                 $body, 1000],
        ['add a video, all but the last byte',   '/api/videos',                 $body, length($body) - 1],
        ['add a comment, half of the body',      "/api/videos/$mine/comments",  $body, 1000],
        ['upload a file, no byte of it',         "/stream/videos/$mine",        $content, 0],
        ['upload a file, half of it',            "/stream/videos/$mine",        $content, 50_000],
        ['upload a file, all but the last byte', "/stream/videos/$mine",        $content, length($content) - 1],
    ) {
        my ($what, $path, $all, $sent) = @$case;
        for my $end (qw(close reset)) {
            my $connection = $ann->open('POST', $path, body => substr($all, 0, $sent), headers => {'Content-Length' => length $all});
            $connection->await(qr/^HTTP/, 0.2);
            $connection->$end;
        }
        unchanged($before, $what);
    }
    $site->soon(sub { !incoming() }, 'no incoming file is left on disk');
    unchanged($before, 'after all aborted requests');
};

# The number of incoming files.
sub incoming () {
    opendir my $folder, "$site->{media}/incoming" or die "cannot read $site->{media}/incoming: $!\n";
    my @files = grep { -f "$site->{media}/incoming/$_" } readdir $folder;
    return scalar @files;
}

subtest 'a FastCGI request that is cut off has no effect' => sub {
    my $before = Site::Snapshot::take($site);
    my $body = $JSON->encode({title => 'Left'});
    my %params = (REQUEST_METHOD => 'POST', REQUEST_URI => '/api/videos', CONTENT_LENGTH => length $body,
        HTTP_X_SESSION_ID => $ann->session, REQUEST_ID => 'e' x 32);
    my ($begin, $params) = (FastCGI::begin(1, 1), FastCGI::params(1, \%params));
    my $stdin = FastCGI::stdin(1, $body);
    for my $case (
        ['cut off in its parameters',          $begin . substr $params, 0, 60],
        ['cut off before its body',            $begin . $params],
        ['cut off in its body',                $begin . $params . substr $stdin, 0, 20],
        ['cut off before the end of its body', $begin . $params . substr $stdin, 0, -8],
    ) {
        my ($where, $bytes) = @$case;
        my $pool = $site->fastcgi('api');
        $pool->send($bytes);
        $pool->close;
        unchanged($before, $where);
    }
    unchanged($before, 'after all requests that were cut off');
};

# The client disconnects while the request waits for the database.
subtest 'a complete request takes effect once, even when its client disconnects' => sub {
    my $vid = $ann->post('/api/videos', {title => 'Going'})->json->{id};
    $ann->upload($vid, 'bunny.mp4')->is(201);
    my $lock = $site->transaction('LOCK TABLE videos, comments');
    my @connections = (
        $ann->open('DELETE', "/api/videos/$vid"),
        $bob->open('POST', '/api/videos', json => {title => 'Left by bob'}),
        $bob->open('POST', "/api/videos/$mine/comments", json => {content => 'Left by bob'}),
    );
    $site->soon(sub { $site->waiting('video_api') == @connections }, 'the requests wait for the lock');
    $_->reset for @connections;
    $lock->commit;
    $site->soon(sub { $site->get("/api/videos/$vid")->status == 404 }, 'the deletion is carried out');
    $site->soon(sub { !$site->media_files }, 'the media file of the deleted video is deleted');
    $site->soon(sub { $site->sql(q{SELECT count(*) FROM videos WHERE title = 'Left by bob' AND author_id = } . $bob->id) == 1 },
        'the video is added once');
    $site->soon(sub { $site->sql(q{SELECT count(*) FROM comments WHERE content = 'Left by bob' AND author_id = } . $bob->id) == 1 },
        'the comment is added once');
};

done_testing;
