# Long lists: page by page by Link, with nothing missing and nothing twice, whatever happens meanwhile.

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

# Ann has two videos of three. Many were made in the same microsecond, some a microsecond apart, some before
# those with smaller ids; the same with the comments.
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
    # path => [how many, the ids in their order]
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

# All pages of a list, each an array of ids. Between two pages the function is called.
sub walk ($first, $between = sub { }) {
    my @pages;
    for (my $path = $first; defined $path;) {
        my $page = $site->get($path)->is(200, "page " . (@pages + 1) . " of $first");
        push @pages, [ids($page)];
        $path = next_page($page);
        $between->($pages[-1]) if defined $path;
    }
    return @pages;
}

sub twice (@ids) {
    my %seen;
    return [grep { $seen{$_}++ } @ids];
}

subtest 'from the first page to the last' => sub {
    for my $path (sort keys %lists) {
        my $all = ids_in_order($path);
        is @$all, $lists{$path}[0], "$path has all";
        for my $limit (1, 7, 40, 100) {
            my @pages = walk("$path?limit=$limit");
            is_deeply [map { @$_ } @pages], $all, "limit $limit: all, in their order";
            is scalar(grep { @$_ != $limit } @pages[0 .. $#pages - 1]), 0, 'each page but the last is full';
            ok @{$pages[-1]} > 0 && @{$pages[-1]} <= $limit, 'and that one is not empty';
        }
        my @pages = walk($path);
        is @{$pages[0]}, 50, '50 if one says nothing';
        is_deeply [map { @$_ } @pages], $all, 'and all in the end';
        is_deeply [map { @$_ } walk("$path/?x=1&limit=30&y")], $all, 'with a slash and other parameters';
    }
};

subtest 'the end of a list' => sub {
    my ($count) = @{$lists{"/api/videos/$vid/comments"}};
    $site->get("/api/videos/$vid/comments?limit=" . $count)->is(200)->header_is('Link', undef, 'no next page when this one has all');
    $site->get("/api/videos/$vid/comments?limit=" . ($count - 1))->is(200)
        ->header_like('Link', qr{^</api/videos/$vid/comments\?limit=89&cursor=[\w-]+>; rel="next"$}, 'but when one is left');
    my $carl = $site->user('carl');
    $site->get('/api/users/' . $carl->id . '/videos?limit=1')->is(200)->json_is([])->header_is('Link', undef);
};

subtest 'an address of a page stays good' => sub {
    my $second = next_page($site->get('/api/videos?limit=10'));
    my @before = ids($site->get($second));
    $ann->post('/api/videos', {title => 'New'})->is(201);
    is_deeply [ids($site->get($second))], \@before, 'with what is older than the first page had';
    is_deeply [ids($site->get($second =~ s/limit=10/limit=5/r))], [@before[0 .. 4]], 'and with another limit';
};

subtest 'while new ones come' => sub {
    my $all = ids_in_order('/api/videos');
    my $count = 0;
    my @pages = walk('/api/videos?limit=9', sub ($page) { $bob->post('/api/videos', {title => 'New ' . ++$count})->is(201) });
    is_deeply [map { @$_ } @pages], $all, 'one gets those that were there';

    my $comments = "/api/videos/$vid/comments";
    $all = ids_in_order($comments);
    @pages = walk("$comments?limit=9", sub ($page) { $bob->post($comments, {content => 'New ' . ++$count})->is(201) });
    is_deeply [map { @$_ } @pages], $all, 'of comments, too';
};

# Also the one that the next page was to follow.
subtest 'while old ones go' => sub {
    my $all = ids_in_order('/api/videos');
    my %gone;
    my @got = map { @$_ } walk('/api/videos?limit=9', sub ($page) {
        my @ids = grep { $_ != $vid } $page->[-1], $all->[-1 - keys %gone];
        $site->sql('DELETE FROM videos WHERE id = ANY (ARRAY[' . join(',', @ids) . '])');
        $gone{$_} = 1 for @ids;
    });
    is_deeply twice(@got), [], 'nothing comes twice';
    my %got = map { $_ => 1 } @got;
    is_deeply [grep { !$got{$_} && !$gone{$_} } @$all], [], 'nothing that has stayed is missing';
    is_deeply [grep { $got{$_} } @$all], \@got, 'and the order is the same';
};

done_testing;
