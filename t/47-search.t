# Searching videos: what is found, in which order, page by page; and what a list's cursors are good for.

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

# The titles that a search finds.
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

# Oldest first; a list has them the other way round.
add('Big Buck Bunny', 'A giant rabbit with a heart bigger than himself.');
add('大雄兔', '一只大兔子的故事。');
add('Éléphants rêvés', 'Deux étranges personnages explorent une machine.');
add('100% cotton', 'Nothing_else, c:\\temp');
add('1000 cottons', 'Nothing else');
add('Слон и кролик');
add("Two\tlines"  =~ s/\t/ /r, "first line\nsecond line");

subtest 'what is found' => sub {
    finds('bunny', ['Big Buck Bunny'], 'a word, in either case');
    finds('BUNNY BIG', ['Big Buck Bunny'], 'words in another order');
    finds('bunny heart', ['Big Buck Bunny'], 'words of title and description');
    finds('bunny slope', [], 'but all of them');
    finds('unn', ['Big Buck Bunny'], 'part of a word');
    finds('uck Bun', ['Big Buck Bunny'], 'parts of two');
    finds('rabbit with a', ['Big Buck Bunny'], 'part of the description');
    finds('cotton', ['1000 cottons', '100% cotton'], 'newest first');
    finds('大雄兔', ['大雄兔'], 'a Chinese title');
    finds('雄兔', ['大雄兔'], 'part of it');
    finds('兔', ['大雄兔'], 'one character of it');
    finds('大兔子', ['大雄兔'], 'Chinese in a description');
    finds('éLÉPHANTS', ['Éléphants rêvés'], 'letters with accents, in either case');
    finds('КРОЛИК', ['Слон и кролик'], 'Cyrillic');
    finds('  bunny  ', ['Big Buck Bunny'], 'blanks around it do not count');
    finds('second', ['Two lines'], 'the second line of a description');
    finds('x', ['Éléphants rêvés'], 'a single letter');
    finds('nothing of the kind', []);
    is_deeply titles('q=big+buck'), ['Big Buck Bunny'], 'a plus is a blank';
    is_deeply titles('q=bunny&q=cotton'), ['Big Buck Bunny'], 'the first q counts';
    is_deeply titles('q=' . encode_utf8('大雄')), ['大雄兔'], 'without percent-encoding';
};

subtest 'what is only text' => sub {
    finds('100%', ['100% cotton'], 'a percent sign');
    finds('0% c', ['100% cotton'], 'inside, too');
    finds('%', ['100% cotton'], 'alone, too');
    finds('g_e', ['100% cotton'], 'an underscore');
    finds('_', ['100% cotton']);
    finds('c:\\temp', ['100% cotton'], 'a backslash');
    finds('\\', ['100% cotton']);
    finds('\\%', []);
    finds($_, []) for q{'}, q{''}, q{'; DROP TABLE videos; --}, q{' OR 1=1 --}, 'bunny & slope', '$1', '(', '&', '|', '<->', '"bunny slope"', '*', '.*';
    finds($_, ['Big Buck Bunny'], "'$_': what is between words does not count") for 'bunny:*', '!bunny', 'bunny & buck', '(bunny)';
};

subtest 'what is refused' => sub {
    for my $query ('q=', 'q=%20', 'q=%e3%80%80', 'q=' . 'x' x 201, 'q=' . encoded('兔' x 201), 'q=%ff', 'q=%c0%80', 'q=%00', 'q=%', 'q=a%0ab', 'q=%7f',
        'state=', 'state=created', 'state=Ready', 'state=ready%20', 'q=x&state=x', 'q=&state=ready') {
        $site->get("/api/videos?$query")->is(400, substr $query, 0, 40)->problem('001');
    }
    is_deeply titles('q=' . 'x' x 200), [], '200 characters are no mistake';
    is_deeply titles('q=' . encoded('兔' x 200)), [], 'of three bytes, too';
    is_deeply titles('q=' . encoded("\x{1f430}" x 200)), [], 'or four';
    my $uid = $ann->id;
    is scalar @{$site->get("/api/users/$uid/videos?q=bunny&state=x")->is(200)->json}, keys %title_of, q{a user's videos can't be searched};
};

subtest 'what can be watched' => sub {
    my @films = map { add("Film $_", 'With a file') } 1 .. 3;
    $ann->upload($_, 'bunny.mp4')->is(201) for @films[0, 2];
    is_deeply titles('state=ready'), ['Film 3', 'Film 1'], 'is all that there is';
    is_deeply titles('q=file'), ['Film 3', 'Film 2', 'Film 1'];
    is_deeply titles('q=file&state=ready'), ['Film 3', 'Film 1'], 'also of what is found';
    is_deeply titles('q=bunny&state=ready'), [], 'which may be nothing';
    my $first = $site->get('/api/videos?state=ready&limit=1');
    is_deeply [map { $_->{title} } @{$first->json}], ['Film 3'], 'the first page';
    my $second = $site->get(next_page($first))->is(200);
    is_deeply [map { $_->{title} } @{$second->json}], ['Film 1'], 'the second one';
    is next_page($second), undef, 'is the last';
};

subtest 'what changes' => sub {
    my $id = add('Passing');
    finds('passing', ['Passing']);
    $site->sql("UPDATE videos SET title = 'Staying' WHERE id = $id");
    finds('passing', [], 'the old title is not found any more');
    finds('staying', ['Staying'], 'the new one is');
    $ann->delete("/api/videos/$id")->is(204);
    finds('staying', [], 'a deleted video is not found');
};

subtest 'page by page' => sub {
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
        ok @$all > 40, 'there are ' . @$all;
        for my $limit (7, 100) {
            my @got;
            for (my $path = "/api/videos?x=1&q=" . encoded($words) . "&limit=$limit"; defined $path;) {
                my $page = $site->get($path)->is(200);
                push @got, map { $_->{id} } @{$page->json};
                $path = next_page($page);
                like $path, qr/[?&]x=1&.*\blimit=$limit&cursor=/, 'the link keeps what else was asked' if defined $path;
            }
            is_deeply \@got, $all, "'$words', $limit at a time: all, in their order";
        }
    }
};

subtest 'the longest search' => sub {
    my $words = "\x{1f430}" x 200;
    add($words) for 1 .. 2;
    my $others = join '&', map { "x$_=" . 'y' x 90 } 1 .. 40;
    for my $query (encoded($words), encode_utf8($words)) {
        my $page = $site->get("/api/videos?$others&q=$query&limit=1")->is(200);
        is scalar @{$page->json}, 1, 'is answered';
        is scalar @{$site->get(next_page($page))->is(200)->json}, 1, 'and so is its next page';
    }
};

# A cursor is a place in the list that it came from.
subtest 'cursors' => sub {
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
            $answer->is($list eq $from ? 200 : 400, "the cursor of $from in $list");
            $answer->problem('001') if $list ne $from;
        }
    }
    $site->get('/api/videos?q=%73eries&limit=5&cursor=' . $cursor{$lists[1]})->is(200, 'the same search in another spelling');
    $site->get('/api/videos/?limit=1&cursor=' . $cursor{$lists[0]})->is(200, 'the same list with a slash');
};

subtest 'the secret' => sub {
    my $next = next_page($site->get('/api/videos?limit=1'));
    is $site->sql('SELECT count(*) FROM site_secret'), 1, 'there is one';
    is $site->sql('SELECT length(secret) FROM site_secret'), 32, 'of 32 bytes';
    for my $role (qw(video_stream video_scheduler)) {
        my (undef, $error) = $site->sql_as($role, 'SELECT secret FROM site_secret');
        like $error, qr/permission denied/, "$role can't read it";
    }
    my (undef, $error) = $site->sql_as('video_api', 'UPDATE site_secret SET secret = sha256(secret)');
    like $error, qr/permission denied/, 'nobody can change it';
    $site->expect_log(qr/permission denied for table site_secret/);
    my (undef, @workers) = $site->pids('fcgi-api');
    $site->kill(KILL => @workers);
    $site->expect_log(qr/event=worker_ended .*signal=9/, qr/Connection reset by peer\) while reading response header/);
    $site->soon(sub { $site->get('/api/videos')->status == 200 }, 'new workers come');
    $site->get($next)->is(200, 'and take the cursors of the old ones');
};

done_testing;
