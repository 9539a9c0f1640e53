# The website as nginx serves it: pages, files, caching, security headers and
# translations.

use v5.36;
use File::Glob qw(:bsd_glob);    # paths may have spaces

use File::Find qw(find);
use FindBin;

use lib "$FindBin::Bin/lib";
use Site;

my $WEB = "$FindBin::Bin/../web";
my $site = Site->start;
my %page = (headers => {Accept => 'text/html,application/xhtml+xml,*/*;q=0.8'});

sub content ($path) {
    open my $file, '<:raw', $path or die "cannot read $path: $!\n";
    local $/;
    return scalar <$file>;
}

my $index = content("$WEB/index.html");
my @files = map { s{^\Q$WEB\E}{}r } sort map { glob "$WEB/$_" } "*.{js,css,svg}", "*/*.js";

subtest 'pages' => sub {
    for my $path ('/', '/?q=x', '/videos/3', '/videos/3/', '/users/7', '/upload', '/login?next=/upload', '/register/', '/settings') {
        $site->get($path, %page)->is(200)->body_is($index)->header_is('Content-Type', 'text/html');
    }
    $site->head('/videos/3')->is(200)->body_is('');
    for my $path ('/nothing', '/videos', '/videos/x', '/videos/3/x', '/users/7/videos', '/parts/', '/parts', '/.git/config', '/main') {
        $site->get($path, %page)->is(404)->body_is($index, "$path: a browser gets the page")->header_is('Content-Type', 'text/html');
        $site->get($path)->is(404)->problem('007', "$path: other clients get a problem document");
    }
    $site->post('/', 'x')->is(405)->problem('009')->header_is('Allow', 'GET, HEAD');
};

subtest 'files' => sub {
    my %type = (js => 'application/javascript', css => 'text/css', svg => 'image/svg+xml');
    cmp_ok scalar @files, '>', 20, 'the website has its files';
    for my $path (@files) {
        my ($suffix) = $path =~ /\.(\w+)$/;
        my $file = $site->get($path)->is(200)->body_is(content("$WEB$path"))->header_is('Content-Type', $type{$suffix})
            ->header_is('Cache-Control', 'no-cache')->header_is('X-Content-Type-Options', 'nosniff');
        $site->get($path, headers => {'If-None-Match' => $file->header('ETag')})->is(304, "$path: 304 when it has not changed")->body_is('');
    }
};

# All modules of the home page are preloaded, so that they load in parallel.
subtest 'preloading' => sub {
    my %imported;
    my @queue = ('/main.js', '/pages/home.js');
    while (my $path = shift @queue) {
        next if $imported{$path}++;
        my ($folder) = $path =~ m{^(.*)/};
        for my $import (content("$WEB$path") =~ /^(?:import|export) .*?'(\.[^']+)';/mg) {
            my $file = "$folder/$import";
            1 while $file =~ s{/\./}{/} || $file =~ s{/[^/.]+/\.\./}{/};
            push @queue, $file;
        }
    }
    is_deeply [sort $index =~ /rel="modulepreload" href="([^"]+)"/g], [sort keys %imported], 'the page preloads exactly the modules that the home page imports';
    $site->get('/')->header_like('Link', qr{^</api/videos\?limit=24&state=ready>; rel=preload; as=fetch; crossorigin=anonymous$}, 'the home page preloads its list of videos');
    is $site->get($_)->header('Link'), undef, "no preloaded list at $_" for '/videos/3', '/?q=x', '/main.js';
    my $ann = $site->user('ann');
    my $id;
    $id = $ann->post('/api/videos', {title => "Video $_", description => "What it is about, in a line or two: $_."})->json->{id} for 1 .. 24;
    my $list = '/api/videos?limit=24';
    $site->get($list, headers => {'Accept-Encoding' => 'gzip'})->is(200)->header_is('Content-Encoding', 'gzip')->header_like('Vary', qr/Accept-Encoding/);
    $site->get($list)->is(200)->header_is('Content-Encoding', undef, 'a list is not compressed without Accept-Encoding');
    $site->get("/api/videos/$id", headers => {'Accept-Encoding' => 'gzip'})->is(200)->header_is('Content-Encoding', undef, 'a small response is not compressed');
    my $bytes = 0;
    for my $path ('/', $list, keys %imported, '/style.css', '/icon.svg') {
        my $response = $site->get($path, headers => {'Accept-Encoding' => 'gzip'})->is(200);
        $bytes += length($response->{head}) + length($response->body);
        next if $path eq '/';
        $response->header_is('Content-Encoding', 'gzip', "$path is compressed") if $path eq $list || -s "$WEB$path" > 600;
    }
    cmp_ok $bytes, '<', 40_000, "the home page takes $bytes bytes, below 40 kB";
};

subtest 'security headers' => sub {
    for my $response ($site->get('/'), $site->get('/nothing', %page), $site->get('/main.js')) {
        my $policy = $response->header('Content-Security-Policy');
        like $policy, qr/^default-src 'none';/, "$response->{request}: the policy denies by default";
        unlike $policy, qr/unsafe|http:|https:|\*|data:/, 'the policy allows no other origin and nothing inline';
        like $policy, qr/\Q$_\E(?:;|$)/, $_ for "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "base-uri 'none'";
        $response->header_is('X-Frame-Options', 'DENY')->header_is('Referrer-Policy', 'same-origin')
            ->header_is('X-Content-Type-Options', 'nosniff')->header_is('Cross-Origin-Opener-Policy', 'same-origin')
            ->header_like('X-Request-Id', qr/^[0-9a-f]{32}$/);
    }
    unlike $index, qr/<style|<script>|style=|\son\w+=|https?:/, 'the page has no inline script or style and no foreign URL';
    for my $path (grep { /\.js$/ } @files) {
        unlike content("$WEB$path"), qr/innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|DOMParser/, "$path parses no HTML and evaluates no code";
    }
};

# The texts of a language: name => text.
sub texts ($language) { return {content("$WEB/text/$language.js") =~ /^  (\w+): '(.*)',$/mg} }

subtest 'translations' => sub {
    my ($english, $chinese) = map { texts($_) } qw(en zh);
    is_deeply [sort keys %$chinese], [sort keys %$english], 'both languages have the same keys';
    my %used = map { $_ => 1 } map { content("$WEB$_") =~ /\bt\((?:\w+ \? )?'(\w+)'/g } grep { /\.js$/ } @files;
    is_deeply [grep { !defined $english->{$_} } sort keys %used], [], 'every text that is used exists';
    my ($in_english, $in_chinese) = map { my $texts = $_; +{map { $_ => join ' ', sort $texts->{$_} =~ /\{\w+\}/g } keys %$texts} }
        $english, $chinese;
    is_deeply $in_chinese, $in_english, 'both languages have the same placeholders';
    my %named = map { $_ => 1 } map { content("$WEB$_") =~ /'(\w+)'/g } grep { /\.js$/ && !m{^/text/} } @files;
    is_deeply [grep { !$named{$_} && !/^problem_/ } sort keys %$english], [], 'every text is used';
    my @sources = ("$WEB/../nginx/nginx.conf.in");
    find(sub { push @sources, $File::Find::name if /\.c$/ }, map { "$WEB/../$_" } qw(fcgi-api fcgi-stream lib));
    my $server = join '', map { content($_) } @sources;
    my @details = content("$WEB/text/zh.js") =~ /^    '(.*)': '/mg;
    cmp_ok scalar @details, '>', 20, 'Chinese has translations of server messages';
    is_deeply [grep { my $text = s/^\w+ (is empty)$/$1/r; $server !~ /"(?:%s )?\Q$text\E"/ } @details], [], 'every translated server message exists';
};

done_testing;
