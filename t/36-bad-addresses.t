# Invalid ids, limits and cursors, in every path that takes one.

use v5.36;

use FindBin;
use MIME::Base64 qw(encode_base64url);

use lib "$FindBin::Bin/lib";
use Site;
use Site::Snapshot;

my $CONTENT = Site::Media::content('mp4');

my $site = Site->start;
my $ann  = $site->user('ann');
my $vid  = $ann->post('/api/videos', {title => 'Bunny'})->is(201)->json->{id};
$ann->post("/api/videos/$vid/comments", {content => $_})->is(201) for 'First', 'Second';
$ann->upload($vid, 'bunny.mp4')->is(201);
$ann->post('/api/videos', {title => 'Elephants'})->is(201);

my @paths = (
    # client, method, path with ID in it, body, status for an unknown id
    [$site, GET    => '/api/users/ID',           undef, 404],
    [$site, GET    => '/api/users/ID/videos',    undef, 404],
    [$site, GET    => '/api/videos/ID',          undef, 404],
    [$ann,  DELETE => '/api/videos/ID',          undef, 404],
    [$site, GET    => '/api/videos/ID/comments', undef, 404],
    [$ann,  POST   => '/api/videos/ID/comments', '{"content":"Nice."}', 404],
    [$site, GET    => '/stream/videos/ID',       undef, 404],
    [$site, HEAD   => '/stream/videos/ID',       undef, 404],
    [$ann,  POST   => '/stream/videos/ID',       $CONTENT, 404],
    [$site, DELETE => '/scheduler/videos/ID',    undef, 200],
);

my @invalid_ids = (
    '0', '-1', '-0', '01', '001', '+1', '1e3', '1E0', '1.0', '0x1', '1x', 'x1', '1-1', '1,1', '1_000', 'one', 'NaN', 'null', '*', ';',
    '9223372036854775808', '18446744073709551615', '18446744073709551617', '99999999999999999999', '1' . '0' x 400,
    '%201', '1%20', '%09', '%0a1', '1%0a', '1%0d%0aX:1', '%2b1', '%2d1', '%ef%bc%91', '%d9%a1', '%c2%b9', '%ff', '%80', '%27%20OR%201=1--',
    '1;DROP%20TABLE%20users', '%3Cscript%3E', '123e4567-e89b-12d3-a456-426614174000', ':vid', '%25', '%7f', '1%3Fx',
);

subtest 'ids that are not a number from 1 to 2^63-1 are rejected with 400' => sub {
    my $before = Site::Snapshot::take($site);
    for my $row (@paths) {
        my ($who, $method, $path, $body) = @$row;
        for my $id (@invalid_ids) {
            my $response = $who->request($method, $path =~ s/ID/$id/r, defined $body ? (body => $body) : ());
            $response->is(400, "$method $path with the id $id: 400");
            next if $method eq 'HEAD';
            like $response->problem('001')->json->{detail}, qr/^the (?:user|video) id must be a number from 1 to 2\^63-1$/,
                "$method $path with the id $id: the detail says what is wrong";
        }
    }
    is_deeply Site::Snapshot::take($site), $before, 'the database has not changed';
};

subtest 'malformed paths are rejected with 400, paths of other shapes with 404' => sub {
    my $before = Site::Snapshot::take($site);
    for my $row (@paths) {
        my ($who, $method, $path, $body) = @$row;
        my @body = defined $body ? (body => $body) : ();
        # nginx rejects what is not valid in a request line or in a path.
        for my $id ('%00', '1%00', '%', '%2', '%zz', '1%', ' 1', '1 2', "1\t") {
            $who->request($method, $path =~ s/ID/$id/r, @body)->is(400, "$method $path with the id '$id': 400");
        }
        # With a slash in it the path has more parts than any route.
        $who->request($method, $path =~ s/ID/$_/r, @body)
            ->is(404, "$method $path with the id '$_': 404") for '1/1', '1//', '%2f', '1%2f1';
    }
    is_deeply Site::Snapshot::take($site), $before, 'the database has not changed';
};

subtest 'valid ids are accepted, percent-encoded or not' => sub {
    for my $row (@paths) {
        my ($who, $method, $path, $body, $status) = @$row;
        my @body = defined $body ? (body => $body) : ();
        $who->request($method, $path =~ s/ID/$_/r, @body)->is($status, "$method $path with the unknown id $_: $status")
            for '9223372036854775807', '9223372036854775806', '4294967297', '2147483648';
    }
    $site->get("/api/videos/%3$vid")->is(200, 'a percent-encoded digit in an id is decoded')
        ->json_is($site->get("/api/videos/$vid")->json);
    $site->get("/%61pi/vide%6Fs/$vid")->is(200, 'percent-encoded letters in a path are decoded');
    $site->get("/stream/videos/%3$vid")->is(200, 'a percent-encoded digit is decoded for streams')->body_is($CONTENT);
};

my @lists = ('/api/videos', '/api/users/' . $ann->id . '/videos', "/api/videos/$vid/comments");

subtest 'limits that are not a number from 1 to 100 are rejected with 400' => sub {
    for my $list (@lists) {
        for my $limit (
            '', '0', '101', '1000', '-1', '+1', '01', 'abc', '1e1', '1.0', '5x', '%205', '5%20', '0x5', '%00', '%', 'null',
            '99999999999999999999', '4294967297', '18446744073709551617', "5'", '5;6', '5,6', '[5]', '%ef%bc%95',
        ) {
            is $site->get("$list?limit=$limit")
                ->is(400, "$list: limit '$limit' is rejected")->problem('001')->json->{detail},
                'limit must be a number from 1 to 100', "$list: limit '$limit': the detail says what is wrong";
        }
        $site->get("$list?limit=$_")->is(200, "$list: limit $_ is accepted") for '1', '2', '99', '100', '1&limit=x',
            '5&other=x';
        $site->get("$list?$_")->is(200, "$list?$_: parameters without a limit are accepted")
            for '', 'limits=0', 'xlimit=0', '&&&', '=', 'limit', '?limit=0', '%00', "other='";
    }
};

# The cursor of the second page of a list.
sub next_cursor ($list) {
    my ($cursor) = $site->get("$list?limit=1")->is(200)->header('Link') =~ /cursor=([^&>]+)/;
    return $cursor;
}

subtest 'cursors that the server did not issue for the list are rejected with 400' => sub {
    my %cursor = map { $_ => next_cursor($_) } @lists;
    my $uuid = '123e4567-e89b-12d3-a456-426614174000';
    for my $list (@lists) {
        my $is_comments = $list =~ /comments$/;
        my $id = $is_comments ? $uuid : 1;
        my $good = $cursor{$list};
        my @forged = (
            '', 'x', 'next', '1', '-1', '0', '!!!', '%00', '%', "'%20OR%201=1--", 'A' x 86, 'A' x 87, 'A' x 5000, "$good=", "$good%3d",
            "${good}A", "=$good", "$good$good", substr($good, 1), "%20$good", "$good%0a", (map { $cursor{$_} } grep { $_ ne $list } @lists),
            map { encode_base64url($_) } '', ' ', '1', '1 ', " $id", "1  $id", "1 $id ", "1 $id 1", "-1 $id", "+1 $id", "01 $id", "1.5 $id", "x $id", "1e3 $id",
            "0 $id", "1 $id", "253402300799000000 $id", "99999999999999999999 $id", "253402300799000001 $id", "1\t$id", "1 $id\0", "1\0 $id", "\0", "1 $id\n", '1 x', '1 0', '1 -1', '1 01', '1 9223372036854775808',
            "1 ${uuid}0", "1 {$uuid}", '1 ' . $uuid =~ s/-//gr, "1 '; DROP TABLE videos; --", "\xff\xfe", "1 \xff", 'now 1', 'infinity 1',
        );
        for my $forged (@forged) {
            is $site->get("$list?cursor=$forged")
                ->is(400, "$list: cursor '" . substr($forged, 0, 40) . "' is rejected")->problem('001')->json->{detail},
                'cursor is not valid for this list',
                    "$list: cursor '" . substr($forged, 0, 40) . "': the detail says what is wrong";
        }
        $site->get("$list?cursor=$good")->is(200, "$list: the cursor of this list is accepted");
        for my $at (0 .. length($good) - 1) {
            my $changed = $good;
            substr $changed, $at, 1, substr($good, $at, 1) eq 'A' ? 'B' : 'A';
            $site->get("$list?cursor=$changed")->is(400, "$list: the cursor with character $at changed is rejected");
        }
    }
};

done_testing;
