# Searching videos: which videos are found, in which order, and paging. Cursors belong to the list that issued them.

use v5.36;
use utf8;

use Encode qw(encode_utf8);
use FindBin;

use lib "$FindBin::Bin/lib";
use Site;

binmode Test::More->builder->$_, ':utf8' for qw(output failure_output todo_output);

use constant MANY => 130;

my $site = Site->start;
my $ann  = $site->user('ann');
my %title_of;    # by id

sub add ($title, $description = '') {
    my $id = $ann->post('/api/videos', {title => $title, description => $description})->is(201)->json->{id};
    $title_of{$id} = $title;
    return $id;
}

sub encoded ($text) { return encode_utf8($text) =~ s/([^A-Za-z0-9])/sprintf '%%%02X', ord $1/ger }

# The titles in the response to a query.
sub titles ($query) {
    return [map { $_->{title} } @{$site->get("/api/videos?$query")->is(200)->json}];
}

sub finds ($words, $titles, $name = undef) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return is_deeply titles('q=' . encoded($words)), $titles, $name // "'$words'";
}

sub next_page ($response) {
    my ($next) = ($response->header('Link') // '') =~ /^<([^<>]+)>; rel="next"$/;
    return $next;
}

# From the oldest to the newest; lists have the opposite order.
add('Big Buck Bunny', 'A giant rabbit with a heart bigger than himself.');
add('大雄兔', '一只大兔子的故事。');
add('Éléphants rêvés', 'Deux étranges personnages explorent une machine.');
add('100% cotton', 'Nothing_else, c:\\temp');
add('1000 cottons', 'Nothing else');
add('Слон и кролик');
add("Two\tlines"  =~ s/\t/ /r, "first line\nsecond line");

subtest 'words are found in title and description' => sub {
    finds('bunny', ['Big Buck Bunny'], 'a word is found in any case');
    finds('BUNNY BIG', ['Big Buck Bunny'], 'words are found in any order');
    finds('bunny heart', ['Big Buck Bunny'], 'words may be in the title and in the description');
    finds('bunny slope', [], 'all words must be found');
    finds('unn', ['Big Buck Bunny'], 'part of a word is found');
    finds('uck Bun', ['Big Buck Bunny'], 'parts of two words are found');
    finds('rabbit with a', ['Big Buck Bunny'], 'a phrase of the description is found');
    finds('cotton', ['1000 cottons', '100% cotton'], 'results are listed newest first');
    finds('大雄兔', ['大雄兔'], 'a Chinese title is found');
    finds('雄兔', ['大雄兔'], 'part of a Chinese title is found');
    finds('兔', ['大雄兔'], 'one Chinese character is found');
    finds('大兔子', ['大雄兔'], 'a Chinese description is found');
    finds('éLÉPHANTS', ['Éléphants rêvés'], 'letters with accents are found in any case');
    finds('КРОЛИК', ['Слон и кролик'], 'Cyrillic words are found in any case');
    finds('  bunny  ', ['Big Buck Bunny'], 'spaces around the words are ignored');
    finds('second', ['Two lines'], 'the second line of a description is found');
    finds('x', ['Éléphants rêvés'], 'a single letter is found');
    finds('nothing of the kind', [], 'unknown words find nothing');
    is_deeply titles('q=big+buck'), ['Big Buck Bunny'], 'a plus sign is a space';
    is_deeply titles('q=bunny&q=cotton'), ['Big Buck Bunny'], 'the first q counts';
    is_deeply titles('q=' . encode_utf8('大雄')), ['大雄兔'], 'UTF-8 without percent-encoding is accepted';
};

subtest 'characters with a meaning in SQL are ordinary text' => sub {
    finds('100%', ['100% cotton'], 'a percent sign at the end of a word is found');
    finds('0% c', ['100% cotton'], 'a percent sign within a phrase is found');
    finds('%', ['100% cotton'], 'a percent sign alone is found');
    finds('g_e', ['100% cotton'], 'an underscore in a word is found');
    finds('_', ['100% cotton'], 'an underscore alone is found');
    finds('c:\\temp', ['100% cotton'], 'a backslash in a word is found');
    finds('\\', ['100% cotton'], 'a backslash alone is found');
    finds('\\%', [], 'an escaped percent sign finds nothing');
    finds($_, [], "'$_' finds nothing")
        for q{'}, q{''}, q{'; DROP TABLE videos; --}, q{' OR 1=1 --}, 'bunny & slope', '$1', '(', '&', '|', '<->', '"bunny slope"', '*', '.*';
    finds($_, ['Big Buck Bunny'], "'$_': operators around the words are ignored")
        for 'bunny:*', '!bunny', 'bunny & buck', '(bunny)';
};

subtest 'invalid searches are rejected' => sub {
    for my $query ('q=', 'q=%20', 'q=%e3%80%80', 'q=' . 'x' x 201, 'q=' . encoded('兔' x 201), 'q=%ff', 'q=%c0%80', 'q=%00', 'q=%', 'q=a%0ab', 'q=%7f',
        'state=', 'state=created', 'state=Ready', 'state=ready%20', 'q=x&state=x', 'q=&state=ready') {
        $site->get("/api/videos?$query")->is(400, substr($query, 0, 40) . ' is rejected')->problem('001');
    }
    is_deeply titles('q=' . 'x' x 200), [], '200 characters are accepted';
    is_deeply titles('q=' . encoded('兔' x 200)), [], '200 characters of three bytes are accepted';
    is_deeply titles('q=' . encoded("\x{1f430}" x 200)), [], '200 characters of four bytes are accepted';
    my $uid = $ann->id;
    is scalar @{$site->get("/api/users/$uid/videos?q=bunny&state=x")->is(200)->json}, keys %title_of,
        q{q and state are ignored in a user's list};
};

subtest 'state=ready selects the videos that can be watched' => sub {
    my @added = map { add("Video $_", 'With a file') } 1 .. 3;
    $ann->upload($_, 'bunny.mp4')->is(201) for @added[0, 2];
    is_deeply titles('state=ready'), ['Video 3', 'Video 1'], 'only videos with a file are listed';
    is_deeply titles('q=file'), ['Video 3', 'Video 2', 'Video 1'], 'a search without state finds all videos';
    is_deeply titles('q=file&state=ready'), ['Video 3', 'Video 1'], 'a search with state=ready finds those with a file';
    is_deeply titles('q=bunny&state=ready'), [], 'a search with state=ready may find nothing';
    my $first = $site->get('/api/videos?state=ready&limit=1');
    is_deeply [map { $_->{title} } @{$first->json}], ['Video 3'], 'the first page has the newest ready video';
    my $second = $site->get(next_page($first))->is(200);
    is_deeply [map { $_->{title} } @{$second->json}], ['Video 1'], 'the second page has the other one';
    is next_page($second), undef, 'the second page is the last';
};

subtest 'the search follows changes of the videos' => sub {
    my $id = add('Passing');
    finds('passing', ['Passing'], 'a new video is found');
    $site->sql("UPDATE videos SET title = 'Staying' WHERE id = $id");
    finds('passing', [], 'the old title is no longer found');
    finds('staying', ['Staying'], 'the new title is found');
    $ann->delete("/api/videos/$id")->is(204);
    finds('staying', [], 'a deleted video is not found');
};

subtest 'the pages of a search have all results, in order' => sub {
    $site->sql(encode_utf8(sprintf q{
        INSERT INTO videos (author_id, title, description, create_time)
        SELECT %d, 'Series ' || n, CASE n %% 3 WHEN 0 THEN '第一季' WHEN 1 THEN 'A serial' ELSE 'Other' END,
            timestamptz '2026-01-01Z' + n / 20 * interval '1 microsecond'
        FROM generate_series(1, %d) n}, $ann->id, MANY));
    for my $case (
        ['series', 'true'],
        ['第一季', q{description = '第一季'}],
        ['serial', q{description = 'A serial'}],
    ) {
        my ($words, $condition) = @$case;
        my $all = [map { $_->[0] } $site->sql(encode_utf8(
            "SELECT id FROM videos WHERE title LIKE 'Series%' AND $condition ORDER BY create_time DESC, id DESC"))];
        ok @$all > 40, "'$words': the search has more than one page";
        for my $limit (7, 100) {
            my @got;
            for (my $path = "/api/videos?x=1&q=" . encoded($words) . "&limit=$limit"; defined $path;) {
                my $page = $site->get($path)->is(200);
                push @got, map { $_->{id} } @{$page->json};
                $path = next_page($page);
                like $path, qr/[?&]x=1&.*\blimit=$limit&cursor=/,
                    'the link to the next page keeps the other parameters' if defined $path;
            }
            is_deeply \@got, $all, "'$words', limit $limit: all results in order";
        }
    }
};

subtest 'a long query and its next page are accepted' => sub {
    my $words = "\x{1f430}" x 200;
    add($words) for 1 .. 2;
    my $others = join '&', map { "x$_=" . 'y' x 90 } 1 .. 40;
    for my $query (encoded($words), encode_utf8($words)) {
        my $page = $site->get("/api/videos?$others&q=$query&limit=1")->is(200);
        is scalar @{$page->json}, 1, 'the first page is returned';
        is scalar @{$site->get(next_page($page))->is(200)->json}, 1, 'the next page is returned';
    }
};

subtest 'a cursor is accepted only for the list that issued it' => sub {
    my $cursor = sub ($query) { return (next_page($site->get($query)->is(200)) // '') =~ /cursor=([\w-]+)/ ? $1 : die "no cursor\n" };
    my $vid = (sort keys %title_of)[0];
    $ann->post("/api/videos/$vid/comments", {content => 'So?'})->is(201) for 1 .. 2;
    my @lists = (
        '/api/videos?limit=1', '/api/videos?limit=1&q=series', '/api/videos?limit=1&q=serie', '/api/videos?limit=1&state=ready',
        '/api/videos?limit=1&q=file&state=ready', '/api/users/' . $ann->id . '/videos?limit=1', "/api/videos/$vid/comments?limit=1",
    );
    my %cursor = map { $_ => $cursor->($_) } @lists;
    for my $list (@lists) {
        for my $from (@lists) {
            my $answer = $site->get("$list&cursor=$cursor{$from}");
            $answer->is($list eq $from ? 200 : 400,
                "the cursor of $from in $list is " . ($list eq $from ? 'accepted' : 'rejected'));
            $answer->problem('001') if $list ne $from;
        }
    }
    $site->get('/api/videos?q=%73eries&limit=5&cursor=' . $cursor{$lists[1]})
        ->is(200, 'the cursor is accepted for the same search with other percent-encoding');
    $site->get('/api/videos/?limit=1&cursor=' . $cursor{$lists[0]})
        ->is(200, 'the cursor is accepted for the same list with a slash at the end');
};

subtest 'the secret that authenticates cursors is shared and protected' => sub {
    my $next = next_page($site->get('/api/videos?limit=1'));
    is $site->sql('SELECT count(*) FROM site_secret'), 1, 'there is one secret';
    is $site->sql('SELECT length(secret) FROM site_secret'), 32, 'the secret has 32 bytes';
    for my $role (qw(video_stream video_scheduler)) {
        my (undef, $error) = $site->sql_as($role, 'SELECT secret FROM site_secret');
        like $error, qr/permission denied/, "$role cannot read the secret";
    }
    my (undef, $error) = $site->sql_as('video_api', 'UPDATE site_secret SET secret = sha256(secret)');
    like $error, qr/permission denied/, 'video_api cannot change the secret';
    $site->expect_log(qr/permission denied for table site_secret/);
    my (undef, @workers) = $site->pids('fcgi-api');
    $site->kill(KILL => @workers);
    $site->expect_log(qr/event=worker_ended .*signal=9/, qr/Connection reset by peer\) while reading response header/);
    $site->soon(sub { $site->get('/api/videos')->status == 200 }, 'new workers answer');
    $site->get($next)->is(200, 'new workers accept the cursors of old ones');
};

done_testing;
