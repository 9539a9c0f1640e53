# Paging through long lists by Link headers: nothing is missing or repeated, even when the list changes meanwhile.

use v5.36;

use FindBin;

use lib "$FindBin::Bin/lib";
use Site;

use constant {
    VIDEOS   => 120,
    COMMENTS => 90,
};

my $site = Site->start;
my $ann  = $site->user('ann');
my $bob  = $site->user('bob');
my $vid  = $ann->post('/api/videos', {title => 'Talk of the town'})->is(201)->json->{id};

# Two thirds of the videos are ann's. Many have the same create_time, some differ by a microsecond, and some
# are older than videos with smaller ids. Likewise with the comments.
$site->sql(sprintf q{
    INSERT INTO videos (author_id, title, create_time)
    SELECT CASE WHEN n %% 3 = 0 THEN %2$d ELSE %1$d END, 'Video ' || n,
        timestamptz '2026-01-01 00:00:00.000007Z' + CASE WHEN n < 40 THEN 0 WHEN n < 80 THEN n %% 5 ELSE -n * 1000000 END * interval '1 microsecond'
    FROM generate_series(1, %3$d) n;
    INSERT INTO comments (id, video_id, author_id, content, post_time)
    SELECT gen_random_uuid(), %4$d, %2$d, 'Comment ' || n, timestamptz '2026-01-01Z' + n / 30 * interval '1 microsecond'
    FROM generate_series(1, %5$d) n;
}, $ann->id, $bob->id, VIDEOS, $vid, COMMENTS);

my %lists = (
    # path => [number of entries, query for the ids in the order of the list]
    '/api/videos' => [VIDEOS + 1, 'SELECT id FROM videos ORDER BY create_time DESC, id DESC'],
    '/api/users/' . $ann->id . '/videos' =>
        [VIDEOS * 2 / 3 + 1, 'SELECT id FROM videos WHERE author_id = ' . $ann->id . ' ORDER BY create_time DESC, id DESC'],
    "/api/videos/$vid/comments" => [COMMENTS, "SELECT id FROM comments WHERE video_id = $vid ORDER BY post_time DESC, id DESC"],
);

sub ids_in_order ($path) { return [map { $_->[0] } $site->sql($lists{$path}[1])] }

sub ids ($response) {
    my $json = $response->json;
    return map { $_->{id} } @{ref $json eq 'ARRAY' ? $json : $json->{comments}};
}

sub next_page ($response) {
    my ($next) = ($response->header('Link') // '') =~ /^<([^<>]+)>; rel="next"$/;
    return $next;
}

# All pages of a list, each an array of ids. The function is called between two pages.
sub walk ($first, $between = sub { }) {
    my @pages;
    for (my $path = $first; defined $path;) {
        my $page = $site->get($path)->is(200, "page " . (@pages + 1) . " of $first is returned");
        push @pages, [ids($page)];
        $path = next_page($page);
        $between->($pages[-1]) if defined $path;
    }
    return @pages;
}

sub repeated (@ids) {
    my %seen;
    return [grep { $seen{$_}++ } @ids];
}

subtest 'the pages of a list have all its entries, in order' => sub {
    for my $path (sort keys %lists) {
        my $all = ids_in_order($path);
        is @$all, $lists{$path}[0], "$path: the list has all entries";
        for my $limit (1, 7, 40, 100) {
            my @pages = walk("$path?limit=$limit");
            is_deeply [map { @$_ } @pages], $all, "$path, limit $limit: all entries in order";
            is scalar(grep { @$_ != $limit } @pages[0 .. $#pages - 1]), 0,
                "$path, limit $limit: each page but the last is full";
            ok @{$pages[-1]} > 0 && @{$pages[-1]} <= $limit, "$path, limit $limit: the last page is not empty";
        }
        my @pages = walk($path);
        is @{$pages[0]}, 50, "$path: a page has 50 entries by default";
        is_deeply [map { @$_ } @pages], $all, "$path: all entries in order by default";
        is_deeply [map { @$_ } walk("$path/?x=1&limit=30&y")], $all,
            "$path: all entries with a slash at the end and other parameters";
    }
};

subtest 'the last page has no Link header' => sub {
    my ($count) = @{$lists{"/api/videos/$vid/comments"}};
    $site->get("/api/videos/$vid/comments?limit=" . $count)
        ->is(200)->header_is('Link', undef, 'there is no next page when the page has all entries');
    $site->get("/api/videos/$vid/comments?limit=" . ($count - 1))->is(200)
        ->header_like('Link', qr{^</api/videos/$vid/comments\?limit=89&cursor=[\w-]+>; rel="next"$},
            'there is a next page when one entry is left');
    my $carl = $site->user('carl');
    $site->get('/api/users/' . $carl->id . '/videos?limit=1')->is(200)->json_is([])->header_is('Link', undef);
};

subtest 'the link to a page stays valid' => sub {
    my $second = next_page($site->get('/api/videos?limit=10'));
    my @before = ids($site->get($second));
    $ann->post('/api/videos', {title => 'New'})->is(201);
    is_deeply [ids($site->get($second))], \@before, 'the second page has the same entries after a video was added';
    is_deeply [ids($site->get($second =~ s/limit=10/limit=5/r))], [@before[0 .. 4]],
        'the link works with another limit';
};

subtest 'entries that are added while a client pages do not change the following pages' => sub {
    my $all = ids_in_order('/api/videos');
    my $count = 0;
    my @pages = walk('/api/videos?limit=9', sub ($page) { $bob->post('/api/videos', {title => 'New ' . ++$count})->is(201) });
    is_deeply [map { @$_ } @pages], $all, 'the pages have the videos that existed at first';

    my $comments = "/api/videos/$vid/comments";
    $all = ids_in_order($comments);
    @pages = walk("$comments?limit=9", sub ($page) { $bob->post($comments, {content => 'New ' . ++$count})->is(201) });
    is_deeply [map { @$_ } @pages], $all, 'the pages have the comments that existed at first';
};

# The deleted entries include the last one of each page, from which the next page continues.
subtest 'entries that are deleted while a client pages do not hide or repeat others' => sub {
    my $all = ids_in_order('/api/videos');
    my %deleted;
    my @got = map { @$_ } walk('/api/videos?limit=9', sub ($page) {
        my @ids = grep { $_ != $vid } $page->[-1], $all->[-1 - keys %deleted];
        $site->sql('DELETE FROM videos WHERE id = ANY (ARRAY[' . join(',', @ids) . '])');
        $deleted{$_} = 1 for @ids;
    });
    is_deeply repeated(@got), [], 'no video is repeated';
    my %got = map { $_ => 1 } @got;
    is_deeply [grep { !$got{$_} && !$deleted{$_} } @$all], [], 'no remaining video is missing';
    is_deeply [grep { $got{$_} } @$all], \@got, 'the order is the same';
};

done_testing;
