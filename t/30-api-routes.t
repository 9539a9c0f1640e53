# Every route: each status that a client can provoke, the exact response bodies, and the allowed methods.

use v5.36;

use FindBin;

use lib "$FindBin::Bin/lib";
use Site;

use constant {
    UNKNOWN_ID   => 9_223_372_036_854_775_807,
    UNKNOWN_UUID => '00000000-0000-4000-8000-000000000000',
    PASSWORD     => 'correct horse',
    KIB          => 1024,
};

my $TIME = qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
my $UUID = qr/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
my $CONTENT = Site::Media::content('mp4');

my $site = Site->start(VS_MAX_UPLOAD_BYTES => '1M');
my $ann  = $site->user('ann');
my $bob  = $site->user('bob');
my $carl = $site->user('carl');
my @answered;    # [request id, status] of each response of a pool

my ($READY, $EMPTY);
my $UID = $ann->id;

# --- helpers for the rows of the tables

my $count = 0;
sub new_name ()     { return 'user ' . ++$count }
sub new_video ()    { return $ann->post('/api/videos', {title => 'New'})->json->{id} }
sub new_session ()  { return {'X-Session-Id' => $site->post('/api/sessions', credentials('ann'))->json->{session_id}} }
sub passwords ()    { return {pwd => Site::Actor::PASSWORD, old_pwd => Site::Actor::PASSWORD} }
sub new_session_id () {
    new_session();
    return $ann->get('/api/sessions?limit=1')->json->{sessions}[0]{id};
}
sub new_comment () {
    my $path = "/api/videos/$EMPTY/comments";
    return "$path/" . $bob->post($path, {content => 'Nice.'})->json->{id};
}
sub ready_video ()  { my $vid = new_video(); $ann->upload($vid, 'bunny.mp4'); return $vid }

sub credentials ($name, $password = Site::Actor::PASSWORD) { return {user_name => $name, pwd => $password} }

($READY, $EMPTY) = (ready_video(), new_video());

# Checks the headers that every response must have, and returns the response.
sub checked ($response) {
    my $status = $response->status;
    $response->header_like('X-Request-Id', qr/^[0-9a-f]{32}$/)->header_is('X-Content-Type-Options', 'nosniff');
    $response->header_is('Location', undef) if $status != 201;
    $response->header_is('WWW-Authenticate', $status == 401 ? 'Bearer' : undef);
    $response->header_is('Content-Length', $status =~ /^(?:204|304)$/ ? undef : length $response->body);
    push @answered, [scalar $response->header('X-Request-Id'), $status];
    return $response;
}

subtest 'every route returns every status that a client can provoke' => sub {
    my $large = ' ' x (64 * KIB) . '{}';
    my $new_path = sub { '/stream/videos/' . new_video() };
    my @cases = (
        # operation, case, client, method, path, body, status or error_code, headers
        ['register', 'success',               $site, POST => '/api/users', sub { credentials(new_name()) }, 201],
        ['register', 'no name',               $site, POST => '/api/users', {pwd => PASSWORD}, '001'],
        ['register', 'a name that is taken',  $site, POST => '/api/users', credentials('ann'), '008'],
        ['register', 'a checked password',     $site, POST => '/api/users', sub { credentials(new_name(), 'Password1') }, '001'],
        ['register', 'a body over the limit', $site, POST => '/api/users', $large, '002'],
        ['get a user', 'success',                    $site, GET => "/api/users/$UID", undef, 200],
        ['get a user', 'a matching If-None-Match',   $site, GET => "/api/users/$UID", undef, 304, {'If-None-Match' => '*'}],
        ['get a user', 'an id that is not a number', $site, GET => '/api/users/ann', undef, '001'],
        ['get a user', 'an unknown user',            $site, GET => '/api/users/' . UNKNOWN_ID, undef, '007'],
        [q{list a user's videos}, 'success',                    $site, GET => "/api/users/$UID/videos", undef, 200],
        [q{list a user's videos}, 'an id that is not a number', $site, GET => '/api/users/ann/videos', undef, '001'],
        [q{list a user's videos}, 'an invalid limit',           $site, GET => "/api/users/$UID/videos?limit=many", undef, '001'],
        [q{list a user's videos}, 'an unknown user',            $site, GET => '/api/users/' . UNKNOWN_ID . '/videos', undef, '007'],
        ['log in', 'success',               $site, POST => '/api/sessions', credentials('ann'), 200],
        ['log in', 'no password',           $site, POST => '/api/sessions', {user_name => 'ann'}, '001'],
        ['log in', 'a wrong password',      $site, POST => '/api/sessions', credentials('ann', PASSWORD), '003'],
        ['log in', 'an unknown user',       $site, POST => '/api/sessions', credentials(new_name()), '003'],
        ['log in', 'a body over the limit', $site, POST => '/api/sessions', $large, '002'],
        ['log out', 'success',    $site, DELETE => '/api/sessions', undef, 205, \&new_session],
        ['log out', 'no session', $site, DELETE => '/api/sessions', undef, '003'],
        ['change the password', 'success',                     $carl, PUT => '/api/users/' . $carl->id . '/password', passwords(), 204],
        ['change the password', 'no old password',             $carl, PUT => '/api/users/' . $carl->id . '/password', {pwd => PASSWORD}, '001'],
        ['change the password', 'a checked new password',       $carl, PUT => '/api/users/' . $carl->id . '/password', {%{passwords()}, pwd => 'password'}, '001'],
        ['change the password', 'an id that is not a number',  $carl, PUT => '/api/users/carl/password', passwords(), '001'],
        ['change the password', 'no session',                  $site, PUT => '/api/users/' . $carl->id . '/password', passwords(), '003'],
        ['change the password', 'a wrong old password',        $carl, PUT => '/api/users/' . $carl->id . '/password', {%{passwords()}, old_pwd => 'x'}, '003'],
        ['change the password', q{another user's password},    $carl, PUT => "/api/users/$UID/password", passwords(), '006'],
        ['change the password', q{an unknown user's password}, $carl, PUT => '/api/users/' . UNKNOWN_ID . '/password', passwords(), '007'],
        ['change the password', 'a body over the limit',       $carl, PUT => '/api/users/' . $carl->id . '/password', $large, '002'],
        ['list own sessions', 'success',          $ann,  GET => '/api/sessions', undef, 200],
        ['list own sessions', 'an invalid limit', $ann,  GET => '/api/sessions?limit=x', undef, '001'],
        ['list own sessions', 'no session',       $site, GET => '/api/sessions', undef, '003'],
        ['end a session', 'success',                  $ann,  DELETE => sub { '/api/sessions/' . new_session_id() }, undef, 204],
        ['end a session', 'an id that is not a UUID', $ann,  DELETE => '/api/sessions/1', undef, '001'],
        ['end a session', 'no session',               $site, DELETE => sub { '/api/sessions/' . new_session_id() }, undef, '003'],
        ['end a session', q{another user's session},  $bob,  DELETE => sub { '/api/sessions/' . new_session_id() }, undef, '007'],
        ['end a session', 'an unknown session',       $ann,  DELETE => '/api/sessions/' . UNKNOWN_UUID, undef, '007'],
        ['list videos', 'success',          $site, GET => '/api/videos', undef, 200],
        ['list videos', 'an invalid limit', $site, GET => '/api/videos?limit=0', undef, '001'],
        ['get a video', 'success',                    $site, GET => "/api/videos/$EMPTY", undef, 200],
        ['get a video', 'an id that is not a number', $site, GET => '/api/videos/first', undef, '001'],
        ['get a video', 'an unknown video',           $site, GET => '/api/videos/' . UNKNOWN_ID, undef, '007'],
        ['add a video', 'success',                   $ann,  POST => '/api/videos', {title => 'Bunny'}, 201],
        ['add a video', 'no title',                  $ann,  POST => '/api/videos', {}, '001'],
        ['add a video', 'no session',                $site, POST => '/api/videos', {title => 'Bunny'}, '003'],
        ['add a video', q{another user's author_id}, $ann,  POST => '/api/videos', {title => 'Bunny', author_id => $bob->id}, '006'],
        ['add a video', 'a body over the limit',     $ann,  POST => '/api/videos', $large, '002'],
        ['get a video', 'a matching If-None-Match', $site, GET => "/api/videos/$EMPTY", undef, 304, {'If-None-Match' => '*'}],
        ['edit a video', 'success',                    $ann,  PATCH => "/api/videos/$EMPTY", {title => 'Edited'}, 200],
        ['edit a video', 'nothing to change',          $ann,  PATCH => "/api/videos/$EMPTY", {}, '001'],
        ['edit a video', 'an id that is not a number', $ann,  PATCH => '/api/videos/first', {title => 'Edited'}, '001'],
        ['edit a video', 'no session',                 $site, PATCH => "/api/videos/$EMPTY", {title => 'Edited'}, '003'],
        ['edit a video', q{another user's video},      $bob,  PATCH => "/api/videos/$EMPTY", {title => 'Edited'}, '006'],
        ['edit a video', 'an unknown video',           $ann,  PATCH => '/api/videos/' . UNKNOWN_ID, {title => 'Edited'}, '007'],
        ['edit a video', 'an outdated If-Match',       $ann,  PATCH => "/api/videos/$EMPTY", {title => 'Edited'}, '008', {'If-Match' => '"0"'}],
        ['edit a video', 'a body over the limit',      $ann,  PATCH => "/api/videos/$EMPTY", $large, '002'],
        ['delete a video', 'an outdated If-Match',       $ann,  DELETE => "/api/videos/$EMPTY", undef, '008', {'If-Match' => '"0"'}],
        ['delete a video', 'success',                    $ann,  DELETE => sub { '/api/videos/' . new_video() }, undef, 204],
        ['delete a video', 'an id that is not a number', $ann,  DELETE => '/api/videos/first', undef, '001'],
        ['delete a video', 'no session',                 $site, DELETE => "/api/videos/$EMPTY", undef, '003'],
        ['delete a video', q{another user's video},      $bob,  DELETE => "/api/videos/$EMPTY", undef, '006'],
        ['delete a video', 'an unknown video',           $ann,  DELETE => '/api/videos/' . UNKNOWN_ID, undef, '007'],
        ['list comments', 'success',                    $site, GET => "/api/videos/$EMPTY/comments", undef, 200],
        ['list comments', 'an id that is not a number', $site, GET => '/api/videos/first/comments', undef, '001'],
        ['list comments', 'an invalid limit',           $site, GET => "/api/videos/$EMPTY/comments?limit=101", undef, '001'],
        ['list comments', 'an unknown video',           $site, GET => '/api/videos/' . UNKNOWN_ID . '/comments', undef, '007'],
        ['add a comment', 'success',                    $bob,  POST => "/api/videos/$EMPTY/comments", {content => 'Nice.'}, 201],
        ['add a comment', 'no content',                 $bob,  POST => "/api/videos/$EMPTY/comments", {}, '001'],
        ['add a comment', 'an id that is not a number', $bob,  POST => '/api/videos/first/comments', {content => 'Nice.'}, '001'],
        ['add a comment', 'no session',                 $site, POST => "/api/videos/$EMPTY/comments", {content => 'Nice.'}, '003'],
        ['add a comment', q{another user's author_id},  $bob,  POST => "/api/videos/$EMPTY/comments", {content => 'Nice.', author_id => $UID}, '006'],
        ['add a comment', 'an unknown video',           $bob,  POST => '/api/videos/' . UNKNOWN_ID . '/comments', {content => 'Nice.'}, '007'],
        ['add a comment', 'a body over the limit',      $bob,  POST => "/api/videos/$EMPTY/comments", $large, '002'],
        ['delete a comment', 'success',                    $bob,  DELETE => sub { new_comment() }, undef, 204],
        ['delete a comment', q{by the video's author},     $ann,  DELETE => sub { new_comment() }, undef, 204],
        ['delete a comment', 'an id that is not a number', $bob,  DELETE => '/api/videos/first/comments/' . UNKNOWN_UUID, undef, '001'],
        ['delete a comment', 'an id that is not a UUID',   $bob,  DELETE => "/api/videos/$EMPTY/comments/1", undef, '001'],
        ['delete a comment', 'no session',                 $site, DELETE => sub { new_comment() }, undef, '003'],
        ['delete a comment', q{another user's comment},    $carl, DELETE => sub { new_comment() }, undef, '006'],
        ['delete a comment', 'an unknown comment',         $bob,  DELETE => "/api/videos/$EMPTY/comments/" . UNKNOWN_UUID, undef, '007'],
        ['stream a video', 'success',                    $site, GET => "/stream/videos/$READY", undef, 200],
        ['stream a video', 'a range',                    $site, GET => "/stream/videos/$READY", undef, 206, {Range => 'bytes=8-15'}],
        ['stream a video', 'a range past the end',       $site, GET => "/stream/videos/$READY", undef, '001', {Range => 'bytes=100000-'}],
        ['stream a video', 'an id that is not a number', $site, GET => '/stream/videos/first', undef, '001'],
        ['stream a video', 'a video without a file',     $site, GET => "/stream/videos/$EMPTY", undef, '007'],
        ['stream a video', 'an unknown video',           $site, GET => '/stream/videos/' . UNKNOWN_ID, undef, '007'],
        ['upload a file', 'success',                    $ann,  POST => $new_path, $CONTENT, 201],
        ['upload a file', 'an empty body',              $ann,  POST => $new_path, '', '001'],
        ['upload a file', 'an id that is not a number', $ann,  POST => '/stream/videos/first', $CONTENT, '001'],
        ['upload a file', 'no session',                 $site, POST => $new_path, $CONTENT, '003'],
        ['upload a file', q{another user's video},      $bob,  POST => $new_path, $CONTENT, '006'],
        ['upload a file', 'an unknown video',           $ann,  POST => '/stream/videos/' . UNKNOWN_ID, $CONTENT, '007'],
        ['upload a file', 'a file over the limit',      $ann,  POST => $new_path, $CONTENT x 11, '002'],
        ['upload a file', 'a file that is not a video', $ann,  POST => $new_path, 'Once upon a time', '010'],
        ['schedule a deletion', 'success',                    $site, DELETE => sub { '/scheduler/videos/' . ready_video() }, undef, 200],
        ['schedule a deletion', 'an unknown video',           $site, DELETE => '/scheduler/videos/' . UNKNOWN_ID, undef, 200],
        ['schedule a deletion', 'an id that is not a number', $site, DELETE => '/scheduler/videos/first', undef, '001'],
    );
    # Each row runs with and without a slash at the end of the path.
    for my $case (map { (['', $_], ['/', $_]) } @cases) {
        my ($slash, $row) = @$case;
        my ($operation, $why, $who, $method, $path, $body, $wanted, $headers) = map { ref eq 'CODE' ? $_->() : $_ } @$row;
        $path =~ s/(\?|$)/$slash$1/;
        my @body = defined $body ? (ref $body ? 'json' : 'body', $body) : ();
        my $response = checked($who->request($method, $path, @body, headers => $headers // {}));
        my $name = "$operation, $why" . ($slash ? ', slash at the end' : '');
        if (length $wanted == 3 && $wanted >= 200) {
            $response->is($wanted, "$name: $wanted");
        }
        else {
            $response->problem($wanted, "$name: error_code $wanted");
        }
    }
    $site->expect_log(qr/client intended to send too large body/);
    $ann->post($new_path->(), $CONTENT x 21)->is(413, 'upload a file, more than nginx accepts: 413')->problem('002');
};

subtest 'the bodies of the responses are exactly as documented' => sub {
    my $user = checked($site->post('/api/users', credentials(' Dora ')))->is(201)
        ->header_is('Content-Type', 'application/json')->header_is('Set-Cookie', undef, 'registering does not log in');
    my $uid = $user->json->{user_id};
    my %dora = (user_id => $uid, user_name => 'Dora', create_time => $TIME);
    $user->json_is(\%dora)->header_is('Location', "/api/users/$uid");
    $site->get("/api/users/$uid")->is(200)->header_is('Content-Type', 'application/json')
        ->json_is({%dora, create_time => $user->json->{create_time}});
    $site->get("/api/users/$uid/videos")->is(200)->header_is('Content-Type', 'application/json')->json_is([]);

    my $login = checked($site->post('/api/sessions', credentials('Dora')))->is(200)
        ->header_is('Content-Type', 'application/json')->header_is('Cache-Control', 'no-store')
        ->json_is({success => JSON::PP::true, session_id => qr/^[\w-]{43}$/, user_id => $uid});
    my $dora = Site::Actor->new($site, id => $uid, name => 'Dora', session => $login->json->{session_id});

    my %about = (author_id => $uid, author_name => 'Dora', poster_url => undef, views => 0, create_time => $TIME);
    my %no_file = (state => 'created', size => undef, content_type => undef, stream_url => undef);
    my $video = checked($dora->post('/api/videos', {title => ' A title ', description => " Two\nlines "}))->is(201)
        ->header_is('Content-Type', 'application/json');
    my $vid = $video->json->{id};
    my %video = (%about, id => $vid, title => 'A title', description => " Two\nlines ");
    $video->header_is('Location', "/api/videos/$vid")->json_is({%video, %no_file});
    $video{create_time} = $video->json->{create_time};
    $site->get("/api/videos/$vid")->is(200)->header_is('Content-Type', 'application/json')
        ->json_is({%video, %no_file});
    checked($dora->upload($vid, 'bunny.mp4'))->is(201)->header_is('Content-Type', 'application/json')
        ->json_is({id => $vid, size => length $CONTENT, content_type => 'video/mp4'});
    my %with_file = (
        state => 'ready', size => length $CONTENT, content_type => 'video/mp4', stream_url => "/stream/videos/$vid",
    );
    $site->get("/api/videos/$vid")->is(200)->json_is({%video, %with_file});
    my $later = $dora->post('/api/videos', {title => 'Later', author_id => $uid})->is(201)->json->{id};
    my %later = (%about, %no_file, id => $later, title => 'Later', description => '');
    $site->get('/api/videos?limit=2')->is(200)->json_is([\%later, {%video, %with_file}])
        ->header_is('Content-Type', 'application/json');
    $site->get("/api/users/$uid/videos")->is(200)->json_is([\%later, {%video, %with_file}])
        ->header_is('Link', undef, 'a list that fits on one page has no Link header');

    my %comment = (id => $UUID, video_id => $vid, author_id => $uid, author_name => 'Dora', content => " So\nlong ", post_time => $TIME);
    my $comment = checked($dora->post("/api/videos/$vid/comments", {content => " So\nlong "}))->is(201)
        ->header_is('Content-Type', 'application/json')->json_is(\%comment)->json;
    $site->get("/api/videos/$vid/comments")->is(200)->header_is('Content-Type', 'application/json')
        ->json_is({comments => [$comment]});
    $site->delete("/scheduler/videos/$later")->is(200)->header_is('Content-Type', 'application/json')
        ->json_is({video_id => $later, status => 'scheduled'});

    for my $time ($user->json->{create_time}, $comment->{post_time}) {
        my $age = $site->sql("SELECT extract(epoch FROM now() - timestamptz '$time')");
        ok $age > -1 && $age < 60, "the time $time is the current time";
    }
};

my @METHODS = qw(GET HEAD POST PUT PATCH DELETE PROPFIND BREW gate);
my %allowed = (
    '/api/users'              => 'OPTIONS, POST',
    '/api/users/1'            => 'OPTIONS, GET, HEAD',
    '/api/users/1/password'   => 'OPTIONS, PUT',
    '/api/users/1/videos'     => 'OPTIONS, GET, HEAD',
    '/api/sessions'           => 'OPTIONS, POST, GET, HEAD, DELETE',
    '/api/sessions/1'         => 'OPTIONS, DELETE',
    '/api/videos'             => 'OPTIONS, GET, HEAD, POST',
    '/api/videos/1'           => 'OPTIONS, GET, HEAD, PATCH, DELETE',
    '/api/videos/1/comments'  => 'OPTIONS, GET, HEAD, POST',
    '/api/videos/1/comments/1' => 'OPTIONS, DELETE',
    '/stream/videos/1'        => 'OPTIONS, GET, HEAD, POST',
    '/scheduler/videos/1'     => 'OPTIONS, DELETE',
);

subtest 'OPTIONS lists the allowed methods; other methods are rejected with 405' => sub {
    for my $path (map { ($_, "$_/") } sort keys %allowed) {
        my $allow = $allowed{$path =~ s{/$}{}r};
        checked($site->request('OPTIONS', $path))->is(204)->header_is('Allow', $allow)->body_is('');
        for my $method (grep { $allow !~ /\b$_\b/ } @METHODS) {
            my $response = $site->request($method, $path);
            if ($method eq 'gate') {
                $response->is(400, "$path: a client cannot use the internal method of the gate");
                next;
            }
            push @answered, [scalar $response->header('X-Request-Id'), 405];
            $response->is(405)->header_is('Allow', $allow);
            $response->problem('009') if $method ne 'HEAD';
        }
    }
    $ann->request('PUT', '/api/videos/first')->is(405, 'the method is checked before the id');
};

subtest 'HEAD returns the headers of GET and no body' => sub {
    for my $path (
        "/api/users/$UID", "/api/users/$UID/videos", '/api/videos?limit=1', "/api/videos/$READY",
        "/api/videos/$READY/comments", "/stream/videos/$READY", "/stream/videos/$EMPTY", '/api/videos/first',
        '/api/videos/' . UNKNOWN_ID, '/api/nothing', '/nothing', '/',
    ) {
        my ($get, $head) = ($site->get($path), $site->head($path));
        $head->is($get->status)->body_is('');
        my ($wanted, $got) = map { join "\n", grep { !/^(?:Date|X-Request-Id):/ } split /\r\n/, $_->{head} } $get, $head;
        is $got, $wanted, "HEAD $path returns the headers of GET";
    }
};

subtest 'unknown paths return 404' => sub {
    for my $path (
        '/api', '/api/', '/api/nothing', '/api/Videos', '/api/user', '/api/videos/1/nothing', '/api/users/1/comments',
        '/api/videos//', '/api/videos//comments', '/api/videos/1//comments', '/api/videos/1/comments/2/3', '/api//videos',
        '/api/sessions/1/2', '/stream', '/stream/videos', '/stream/videos/', '/stream/nothing', '/stream/videos/1/nothing',
        '/scheduler', '/scheduler/videos', '/scheduler/nothing',
    ) {
        checked($site->request($_, $path))->problem('007', "$_ $path") for qw(GET POST DELETE);
    }
    # Paths outside the API, and the internal locations of nginx.
    for my $path ('/nothing', '/API/videos', '/apiary', '/streams/1', '/-upload', '/-gate', '/-problem', '/-media/', '/-media/aa/x') {
        $site->get($path)->problem('007', "GET $path");
    }
};

subtest 'every response has a unique request id, which is logged' => sub {
    my %status = map { @$_ } @answered;
    is keys %status, @answered, 'all request ids are different';
    my $forged = 'f' x 32;
    $site->get('/api/videos', headers => {'X-Request-Id' => $forged})
        ->header_like('X-Request-Id', qr/^(?!$forged)/, 'a request id from the client is not used');
    # An upload is logged twice, first by the gate. A pool logs 200 where nginx then returns 206 or 416.
    my %logged = map { /\bid=([0-9a-f]{32}) method=\S+ route=\S+ status=(\d+) user=\d+ us=\d+$/ ? ($1, $2) : () }
        $site->log_lines(qr/event=request/);
    my %as_logged = (206 => 200, 416 => 200);
    my @wrong = grep { ($logged{$_} // 0) != ($as_logged{$status{$_}} // $status{$_}) } sort keys %status;
    is_deeply \@wrong, [], 'each request id is logged with the status of the response';
    diag map { "$_ $status{$_}: " . ($logged{$_} // 'not logged') . "\n" } @wrong;
};

# Without privileges on the tables every statement of the programs fails.
subtest 'a statement that the database rejects returns 500' => sub {
    $site->expect_log(qr{permission denied for table});
    my $session = $ann->session;
    $site->sql('REVOKE ALL ON ALL TABLES IN SCHEMA public FROM video_api, video_stream, video_scheduler');
    my $check = sub (@cases) {
        for my $case (@cases) {
            my ($who, $method, $path, $body) = @$case;
            my $response = $who->request($method, $path, defined $body ? (ref $body ? 'json' : 'body', $body) : ());
            $response->is(500)->problem('004');
            unlike $response->body, qr/permission|select|videos|sessions|sql|detail/i,
                "$method $path: the response does not reveal internals";
        }
    };
    $check->(
        [$site, POST   => '/api/users', credentials(new_name())],
        [$site, GET    => "/api/users/$UID"],
        [$site, GET    => "/api/users/$UID/videos"],
        [$site, POST   => '/api/sessions', credentials('ann')],
        [$ann,  PUT    => "/api/users/$UID/password", passwords()],
        [$site, GET    => '/api/videos'],
        [$site, GET    => "/api/videos/$EMPTY"],
        [$site, GET    => "/api/videos/$EMPTY/comments"],
        [$site, DELETE => "/scheduler/videos/$EMPTY"],
        [$ann,  POST   => '/api/videos', {title => 'Bunny'}],
    );
    $site->sql('GRANT SELECT, UPDATE ON sessions TO video_api, video_stream');
    $check->(
        [$ann, POST   => '/api/videos', {title => 'Bunny'}],
        [$ann, PATCH  => "/api/videos/$EMPTY", {title => 'Edited'}],
        [$ann, DELETE => "/api/videos/$EMPTY"],
        [$ann, DELETE => "/api/videos/$EMPTY/comments/" . UNKNOWN_UUID],
        [$ann, POST   => "/api/videos/$EMPTY/comments", {content => 'Nice.'}],
        [$ann, POST   => "/stream/videos/$EMPTY", $CONTENT],
        [$ann, DELETE => '/api/sessions'],
    );
};

done_testing;
