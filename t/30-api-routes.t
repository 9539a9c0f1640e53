# Every route: each status that it can be made to answer, the exact bodies, the methods it knows.

use v5.36;

use FindBin;

use lib "$FindBin::Bin/lib";
use Site;

use constant {
    NOBODYS_ID => 9_223_372_036_854_775_807,
    NO_UUID    => '00000000-0000-4000-8000-000000000000',
    PASSWORD   => 'correct horse',
    KIB        => 1024,
};

my $TIME = qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
my $UUID = qr/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
my $FILM = Site::Media::content('mp4');

my $site = Site->start(VS_MAX_UPLOAD_BYTES => '1M');
my $ann  = $site->user('ann');
my $bob  = $site->user('bob');
my $carl = $site->user('carl');
my @answered;    # [request id, status] of what a pool has answered

my ($READY, $EMPTY);
my $UID = $ann->id;

# --- what rows of tables use

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

# What must be true of any answer.
sub common ($response) {
    my $status = $response->status;
    $response->header_like('X-Request-Id', qr/^[0-9a-f]{32}$/)->header_is('X-Content-Type-Options', 'nosniff');
    $response->header_is('Location', undef) if $status != 201;
    $response->header_is('WWW-Authenticate', $status == 401 ? 'Bearer' : undef);
    $response->header_is('Content-Length', $status =~ /^(?:204|304)$/ ? undef : length $response->body);
    push @answered, [scalar $response->header('X-Request-Id'), $status];
    return $response;
}

subtest 'every status of every route' => sub {
    my $large = ' ' x (64 * KIB) . '{}';
    my $new_film = sub { '/stream/videos/' . new_video() };
    my @cases = (
        # operation, why, who, method, path, body, status or error_code, headers
        ['register', 'done',               $site, POST => '/api/users', sub { credentials(new_name()) }, 201],
        ['register', 'no name',            $site, POST => '/api/users', {pwd => PASSWORD}, '001'],
        ['register', 'a name that exists', $site, POST => '/api/users', credentials('ann'), '008'],
        ['register', 'a common password',  $site, POST => '/api/users', sub { credentials(new_name(), 'Password1') }, '001'],
        ['register', 'a large body',       $site, POST => '/api/users', $large, '002'],
        ['user', 'done',      $site, GET => "/api/users/$UID", undef, 200],
        ['user', 'known',     $site, GET => "/api/users/$UID", undef, 304, {'If-None-Match' => '*'}],
        ['user', 'no number', $site, GET => '/api/users/ann', undef, '001'],
        ['user', 'nobody',    $site, GET => '/api/users/' . NOBODYS_ID, undef, '007'],
        [q{a user's videos}, 'done',      $site, GET => "/api/users/$UID/videos", undef, 200],
        [q{a user's videos}, 'no number', $site, GET => '/api/users/ann/videos', undef, '001'],
        [q{a user's videos}, 'no limit',  $site, GET => "/api/users/$UID/videos?limit=many", undef, '001'],
        [q{a user's videos}, 'nobody',    $site, GET => '/api/users/' . NOBODYS_ID . '/videos', undef, '007'],
        ['log in', 'done',           $site, POST => '/api/sessions', credentials('ann'), 200],
        ['log in', 'no password',    $site, POST => '/api/sessions', {user_name => 'ann'}, '001'],
        ['log in', 'wrong password', $site, POST => '/api/sessions', credentials('ann', PASSWORD), '003'],
        ['log in', 'unknown user',   $site, POST => '/api/sessions', credentials(new_name()), '003'],
        ['log in', 'a large body',   $site, POST => '/api/sessions', $large, '002'],
        ['log out', 'done',       $site, DELETE => '/api/sessions', undef, 205, \&new_session],
        ['log out', 'no session', $site, DELETE => '/api/sessions', undef, '003'],
        ['change the password', 'done',              $carl, PUT => '/api/users/' . $carl->id . '/password', passwords(), 204],
        ['change the password', 'no old one',        $carl, PUT => '/api/users/' . $carl->id . '/password', {pwd => PASSWORD}, '001'],
        ['change the password', 'a common one',      $carl, PUT => '/api/users/' . $carl->id . '/password', {%{passwords()}, pwd => 'password'}, '001'],
        ['change the password', 'no number',         $carl, PUT => '/api/users/carl/password', passwords(), '001'],
        ['change the password', 'no session',        $site, PUT => '/api/users/' . $carl->id . '/password', passwords(), '003'],
        ['change the password', 'another old one',   $carl, PUT => '/api/users/' . $carl->id . '/password', {%{passwords()}, old_pwd => 'x'}, '003'],
        ['change the password', q{another user's},   $carl, PUT => "/api/users/$UID/password", passwords(), '006'],
        ['change the password', q{nobody's},         $carl, PUT => '/api/users/' . NOBODYS_ID . '/password', passwords(), '007'],
        ['change the password', 'a large body',      $carl, PUT => '/api/users/' . $carl->id . '/password', $large, '002'],
        ['own sessions', 'done',       $ann,  GET => '/api/sessions', undef, 200],
        ['own sessions', 'no limit',   $ann,  GET => '/api/sessions?limit=x', undef, '001'],
        ['own sessions', 'no session', $site, GET => '/api/sessions', undef, '003'],
        ['end a session', 'done',       $ann,  DELETE => sub { '/api/sessions/' . new_session_id() }, undef, 204],
        ['end a session', 'no UUID',    $ann,  DELETE => '/api/sessions/1', undef, '001'],
        ['end a session', 'no session', $site, DELETE => sub { '/api/sessions/' . new_session_id() }, undef, '003'],
        ['end a session', q{another's}, $bob,  DELETE => sub { '/api/sessions/' . new_session_id() }, undef, '007'],
        ['end a session', 'none',       $ann,  DELETE => '/api/sessions/' . NO_UUID, undef, '007'],
        ['videos', 'done',     $site, GET => '/api/videos', undef, 200],
        ['videos', 'no limit', $site, GET => '/api/videos?limit=0', undef, '001'],
        ['video', 'done',      $site, GET => "/api/videos/$EMPTY", undef, 200],
        ['video', 'no number', $site, GET => '/api/videos/first', undef, '001'],
        ['video', 'none',      $site, GET => '/api/videos/' . NOBODYS_ID, undef, '007'],
        ['add a video', 'done',           $ann,  POST => '/api/videos', {title => 'Bunny'}, 201],
        ['add a video', 'no title',       $ann,  POST => '/api/videos', {}, '001'],
        ['add a video', 'no session',     $site, POST => '/api/videos', {title => 'Bunny'}, '003'],
        ['add a video', 'for another',    $ann,  POST => '/api/videos', {title => 'Bunny', author_id => $bob->id}, '006'],
        ['add a video', 'a large body',   $ann,  POST => '/api/videos', $large, '002'],
        ['video', 'known',     $site, GET => "/api/videos/$EMPTY", undef, 304, {'If-None-Match' => '*'}],
        ['edit a video', 'done',         $ann,  PATCH => "/api/videos/$EMPTY", {title => 'Edited'}, 200],
        ['edit a video', 'no change',    $ann,  PATCH => "/api/videos/$EMPTY", {}, '001'],
        ['edit a video', 'no number',    $ann,  PATCH => '/api/videos/first', {title => 'Edited'}, '001'],
        ['edit a video', 'no session',   $site, PATCH => "/api/videos/$EMPTY", {title => 'Edited'}, '003'],
        ['edit a video', q{another's},   $bob,  PATCH => "/api/videos/$EMPTY", {title => 'Edited'}, '006'],
        ['edit a video', 'none',         $ann,  PATCH => '/api/videos/' . NOBODYS_ID, {title => 'Edited'}, '007'],
        ['edit a video', 'another edit', $ann,  PATCH => "/api/videos/$EMPTY", {title => 'Edited'}, '008', {'If-Match' => '"0"'}],
        ['edit a video', 'a large body', $ann,  PATCH => "/api/videos/$EMPTY", $large, '002'],
        ['delete a video', 'edited',     $ann,  DELETE => "/api/videos/$EMPTY", undef, '008', {'If-Match' => '"0"'}],
        ['delete a video', 'done',       $ann,  DELETE => sub { '/api/videos/' . new_video() }, undef, 204],
        ['delete a video', 'no number',  $ann,  DELETE => '/api/videos/first', undef, '001'],
        ['delete a video', 'no session', $site, DELETE => "/api/videos/$EMPTY", undef, '003'],
        ['delete a video', q{another's}, $bob,  DELETE => "/api/videos/$EMPTY", undef, '006'],
        ['delete a video', 'none',       $ann,  DELETE => '/api/videos/' . NOBODYS_ID, undef, '007'],
        ['comments', 'done',      $site, GET => "/api/videos/$EMPTY/comments", undef, 200],
        ['comments', 'no number', $site, GET => '/api/videos/first/comments', undef, '001'],
        ['comments', 'no limit',  $site, GET => "/api/videos/$EMPTY/comments?limit=101", undef, '001'],
        ['comments', 'no video',  $site, GET => '/api/videos/' . NOBODYS_ID . '/comments', undef, '007'],
        ['comment', 'done',         $bob,  POST => "/api/videos/$EMPTY/comments", {content => 'Nice.'}, 201],
        ['comment', 'no content',   $bob,  POST => "/api/videos/$EMPTY/comments", {}, '001'],
        ['comment', 'no number',    $bob,  POST => '/api/videos/first/comments', {content => 'Nice.'}, '001'],
        ['comment', 'no session',   $site, POST => "/api/videos/$EMPTY/comments", {content => 'Nice.'}, '003'],
        ['comment', 'for another',  $bob,  POST => "/api/videos/$EMPTY/comments", {content => 'Nice.', author_id => $UID}, '006'],
        ['comment', 'no video',     $bob,  POST => '/api/videos/' . NOBODYS_ID . '/comments', {content => 'Nice.'}, '007'],
        ['comment', 'a large body', $bob,  POST => "/api/videos/$EMPTY/comments", $large, '002'],
        ['delete a comment', 'done',       $bob,  DELETE => sub { new_comment() }, undef, 204],
        ['delete a comment', 'as owner',   $ann,  DELETE => sub { new_comment() }, undef, 204],
        ['delete a comment', 'no number',  $bob,  DELETE => '/api/videos/first/comments/' . NO_UUID, undef, '001'],
        ['delete a comment', 'no UUID',    $bob,  DELETE => "/api/videos/$EMPTY/comments/1", undef, '001'],
        ['delete a comment', 'no session', $site, DELETE => sub { new_comment() }, undef, '003'],
        ['delete a comment', q{another's}, $carl, DELETE => sub { new_comment() }, undef, '006'],
        ['delete a comment', 'none',       $bob,  DELETE => "/api/videos/$EMPTY/comments/" . NO_UUID, undef, '007'],
        ['stream', 'done',      $site, GET => "/stream/videos/$READY", undef, 200],
        ['stream', 'a part',    $site, GET => "/stream/videos/$READY", undef, 206, {Range => 'bytes=8-15'}],
        ['stream', 'too far',   $site, GET => "/stream/videos/$READY", undef, '001', {Range => 'bytes=100000-'}],
        ['stream', 'no number', $site, GET => '/stream/videos/first', undef, '001'],
        ['stream', 'no film',   $site, GET => "/stream/videos/$EMPTY", undef, '007'],
        ['stream', 'none',      $site, GET => '/stream/videos/' . NOBODYS_ID, undef, '007'],
        ['upload', 'done',       $ann,  POST => $new_film, $FILM, 201],
        ['upload', 'no body',    $ann,  POST => $new_film, '', '001'],
        ['upload', 'no number',  $ann,  POST => '/stream/videos/first', $FILM, '001'],
        ['upload', 'no session', $site, POST => $new_film, $FILM, '003'],
        ['upload', q{another's}, $bob,  POST => $new_film, $FILM, '006'],
        ['upload', 'none',       $ann,  POST => '/stream/videos/' . NOBODYS_ID, $FILM, '007'],
        ['upload', 'too large',  $ann,  POST => $new_film, $FILM x 11, '002'],
        ['upload', 'no film',    $ann,  POST => $new_film, 'Once upon a time', '010'],
        ['schedule', 'done',      $site, DELETE => sub { '/scheduler/videos/' . ready_video() }, undef, 200],
        ['schedule', 'none',      $site, DELETE => '/scheduler/videos/' . NOBODYS_ID, undef, 200],
        ['schedule', 'no number', $site, DELETE => '/scheduler/videos/first', undef, '001'],
    );
    # Each with and without a slash at the end.
    for my $case (map { (['', $_], ['/', $_]) } @cases) {
        my ($slash, $row) = @$case;
        my ($operation, $why, $who, $method, $path, $body, $wanted, $headers) = map { ref eq 'CODE' ? $_->() : $_ } @$row;
        $path =~ s/(\?|$)/$slash$1/;
        my @body = defined $body ? (ref $body ? 'json' : 'body', $body) : ();
        my $response = common($who->request($method, $path, @body, headers => $headers // {}));
        my $name = "$operation$slash: $why";
        if (length $wanted == 3 && $wanted >= 200) {
            $response->is($wanted, $name);
        }
        else {
            $response->problem($wanted, $name);
        }
    }
    $site->expect_log(qr/client intended to send too large body/);
    $ann->post($new_film->(), $FILM x 21)->is(413, 'upload: far too large')->problem('002');
};

subtest 'exact bodies' => sub {
    my $user = common($site->post('/api/users', credentials(' Dora ')))->is(201)
        ->header_is('Content-Type', 'application/json')->header_is('Set-Cookie', undef, 'registering logs nobody in');
    my $uid = $user->json->{user_id};
    my %dora = (user_id => $uid, user_name => 'Dora', create_time => $TIME);
    $user->json_is(\%dora)->header_is('Location', "/api/users/$uid");
    $site->get("/api/users/$uid")->is(200)->header_is('Content-Type', 'application/json')
        ->json_is({%dora, create_time => $user->json->{create_time}});
    $site->get("/api/users/$uid/videos")->is(200)->header_is('Content-Type', 'application/json')->json_is([]);

    my $login = common($site->post('/api/sessions', credentials('Dora')))->is(200)
        ->header_is('Content-Type', 'application/json')->header_is('Cache-Control', 'no-store')
        ->json_is({success => JSON::PP::true, session_id => qr/^[\w-]{43}$/, user_id => $uid});
    my $dora = Site::Actor->new($site, id => $uid, name => 'Dora', session => $login->json->{session_id});

    my %about = (author_id => $uid, author_name => 'Dora', poster_url => undef, views => 0, create_time => $TIME);
    my %no_film = (state => 'created', size => undef, content_type => undef, stream_url => undef);
    my $video = common($dora->post('/api/videos', {title => ' A title ', description => " Two\nlines "}))->is(201)
        ->header_is('Content-Type', 'application/json');
    my $vid = $video->json->{id};
    my %video = (%about, id => $vid, title => 'A title', description => " Two\nlines ");
    $video->header_is('Location', "/api/videos/$vid")->json_is({%video, %no_film});
    $video{create_time} = $video->json->{create_time};
    $site->get("/api/videos/$vid")->is(200)->header_is('Content-Type', 'application/json')
        ->json_is({%video, %no_film});
    common($dora->upload($vid, 'bunny.mp4'))->is(201)->header_is('Content-Type', 'application/json')
        ->json_is({id => $vid, size => length $FILM, content_type => 'video/mp4'});
    my %film = (state => 'ready', size => length $FILM, content_type => 'video/mp4', stream_url => "/stream/videos/$vid");
    $site->get("/api/videos/$vid")->is(200)->json_is({%video, %film});
    my $later = $dora->post('/api/videos', {title => 'Later', author_id => $uid})->is(201)->json->{id};
    my %later = (%about, %no_film, id => $later, title => 'Later', description => '');
    $site->get('/api/videos?limit=2')->is(200)->json_is([\%later, {%video, %film}])
        ->header_is('Content-Type', 'application/json');
    $site->get("/api/users/$uid/videos")->is(200)->json_is([\%later, {%video, %film}])
        ->header_is('Link', undef, 'there is no next page');

    my %comment = (id => $UUID, video_id => $vid, author_id => $uid, author_name => 'Dora', content => " So\nlong ", post_time => $TIME);
    my $comment = common($dora->post("/api/videos/$vid/comments", {content => " So\nlong "}))->is(201)
        ->header_is('Content-Type', 'application/json')->json_is(\%comment)->json;
    $site->get("/api/videos/$vid/comments")->is(200)->header_is('Content-Type', 'application/json')
        ->json_is({comments => [$comment]});
    $site->delete("/scheduler/videos/$later")->is(200)->header_is('Content-Type', 'application/json')
        ->json_is({video_id => $later, status => 'scheduled'});

    for my $time ($user->json->{create_time}, $comment->{post_time}) {
        my $age = $site->sql("SELECT extract(epoch FROM now() - timestamptz '$time')");
        ok $age > -1 && $age < 60, "$time was a moment ago";
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

subtest 'methods' => sub {
    for my $path (map { ($_, "$_/") } sort keys %allowed) {
        my $allow = $allowed{$path =~ s{/$}{}r};
        common($site->request('OPTIONS', $path))->is(204)->header_is('Allow', $allow)->body_is('');
        for my $method (grep { $allow !~ /\b$_\b/ } @METHODS) {
            my $response = $site->request($method, $path);
            if ($method eq 'gate') {
                $response->is(400, "the gate's own method is nobody's");
                next;
            }
            push @answered, [scalar $response->header('X-Request-Id'), 405];
            $response->is(405)->header_is('Allow', $allow);
            $response->problem('009') if $method ne 'HEAD';
        }
    }
    $ann->request('PUT', '/api/videos/first')->is(405, 'the method counts before the id');
};

subtest 'HEAD is GET without the body' => sub {
    for my $path (
        "/api/users/$UID", "/api/users/$UID/videos", '/api/videos?limit=1', "/api/videos/$READY",
        "/api/videos/$READY/comments", "/stream/videos/$READY", "/stream/videos/$EMPTY", '/api/videos/first',
        '/api/videos/' . NOBODYS_ID, '/api/nothing', '/nothing', '/',
    ) {
        my ($get, $head) = ($site->get($path), $site->head($path));
        $head->is($get->status)->body_is('');
        my ($wanted, $got) = map { join "\n", grep { !/^(?:Date|X-Request-Id):/ } split /\r\n/, $_->{head} } $get, $head;
        is $got, $wanted, "the headers of HEAD $path";
    }
};

subtest 'what does not exist' => sub {
    for my $path (
        '/api', '/api/', '/api/nothing', '/api/Videos', '/api/user', '/api/videos/1/nothing', '/api/users/1/comments',
        '/api/videos//', '/api/videos//comments', '/api/videos/1//comments', '/api/videos/1/comments/2/3', '/api//videos',
        '/api/sessions/1/2', '/stream', '/stream/videos', '/stream/videos/', '/stream/nothing', '/stream/videos/1/nothing',
        '/scheduler', '/scheduler/videos', '/scheduler/nothing',
    ) {
        common($site->request($_, $path))->problem('007', "$_ $path") for qw(GET POST DELETE);
    }
    # Files of the website, and what only nginx may ask for.
    for my $path ('/nothing', '/API/videos', '/apiary', '/streams/1', '/-upload', '/-gate', '/-problem', '/-media/', '/-media/aa/x') {
        $site->get($path)->problem('007', "GET $path");
    }
};

subtest 'request ids' => sub {
    my %status = map { @$_ } @answered;
    is keys %status, @answered, 'each answer has an id of its own';
    my $forged = 'f' x 32;
    $site->get('/api/videos', headers => {'X-Request-Id' => $forged})
        ->header_like('X-Request-Id', qr/^(?!$forged)/, 'it is not one that the client gives');
    # An upload has two lines, the gate's first; nginx makes a part, or none, of what a pool sends.
    my %logged = map { /\bid=([0-9a-f]{32}) method=\S+ route=\S+ status=(\d+) user=\d+ us=\d+$/ ? ($1, $2) : () }
        $site->log_lines(qr/event=request/);
    my %as_logged = (206 => 200, 416 => 200);
    my @wrong = grep { ($logged{$_} // 0) != ($as_logged{$status{$_}} // $status{$_}) } sort keys %status;
    is_deeply \@wrong, [], 'each is in the log, with its status';
    diag map { "$_ $status{$_}: " . ($logged{$_} // 'not logged') . "\n" } @wrong;
};

# The programs' own rights are taken away from them, so that every statement fails.
subtest 'when the database refuses' => sub {
    $site->expect_log(qr{permission denied for table});
    my $session = $ann->session;
    $site->sql('REVOKE ALL ON ALL TABLES IN SCHEMA public FROM video_api, video_stream, video_scheduler');
    my $check = sub (@cases) {
        for my $case (@cases) {
            my ($who, $method, $path, $body) = @$case;
            my $response = $who->request($method, $path, defined $body ? (ref $body ? 'json' : 'body', $body) : ());
            $response->is(500)->problem('004');
            unlike $response->body, qr/permission|select|videos|sessions|sql|detail/i, 'which says nothing of the inside';
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
        [$ann, DELETE => "/api/videos/$EMPTY/comments/" . NO_UUID],
        [$ann, POST   => "/api/videos/$EMPTY/comments", {content => 'Nice.'}],
        [$ann, POST   => "/stream/videos/$EMPTY", $FILM],
        [$ann, DELETE => '/api/sessions'],
    );
};

done_testing;
