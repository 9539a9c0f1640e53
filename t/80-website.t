# The website as nginx serves it: its pages and files, what may be kept of them, and what they may do.

use v5.36;

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
my @files = map { s{^\Q$WEB\E}{}r } sort glob "$WEB/*.{js,css,svg} $WEB/*/*.js";

subtest 'pages' => sub {
    for my $path ('/', '/?q=x', '/videos/3', '/videos/3/', '/users/7', '/upload', '/login?next=/upload', '/register/', '/settings') {
        $site->get($path, %page)->is(200)->body_is($index)->header_is('Content-Type', 'text/html');
    }
    $site->head('/videos/3')->is(200)->body_is('');
    for my $path ('/nothing', '/videos', '/videos/x', '/videos/3/x', '/users/7/videos', '/parts/', '/parts', '/.git/config', '/main') {
        $site->get($path, %page)->is(404)->body_is($index, "$path: a page that says so")->header_is('Content-Type', 'text/html');
        $site->get($path)->is(404)->problem('007', "$path: a program is told in its way");
    }
    $site->post('/', 'x')->is(405)->problem('009')->header_is('Allow', 'GET, HEAD');
};

subtest 'files' => sub {
    my %type = (js => 'application/javascript', css => 'text/css', svg => 'image/svg+xml');
    cmp_ok scalar @files, '>', 20, 'there are some';
    for my $path (@files) {
        my ($suffix) = $path =~ /\.(\w+)$/;
        my $file = $site->get($path)->is(200)->body_is(content("$WEB$path"))->header_is('Content-Type', $type{$suffix})
            ->header_is('Cache-Control', 'no-cache')->header_is('X-Content-Type-Options', 'nosniff');
        $site->get($path, headers => {'If-None-Match' => $file->header('ETag')})->is(304, "$path: the same as before")->body_is('');
    }
};

# Whoever imports a file gets it with the page, not one after the other.
subtest 'what comes with the page' => sub {
    my %wanted;
    my @look = ('/main.js', '/pages/home.js');
    while (my $path = shift @look) {
        next if $wanted{$path}++;
        my ($folder) = $path =~ m{^(.*)/};
        for my $import (content("$WEB$path") =~ /^(?:import|export) .*?'(\.[^']+)';/mg) {
            my $file = "$folder/$import";
            1 while $file =~ s{/\./}{/} || $file =~ s{/[^/.]+/\.\./}{/};
            push @look, $file;
        }
    }
    is_deeply [sort $index =~ /rel="modulepreload" href="([^"]+)"/g], [sort keys %wanted], 'are the modules of the home page';
    $site->get('/')->header_like('Link', qr{^</api/videos\?limit=24&state=ready>; rel=preload; as=fetch; crossorigin=anonymous$}, 'and its first videos');
    is $site->get($_)->header('Link'), undef, "not on $_" for '/videos/3', '/?q=x', '/main.js';
    my $ann = $site->user('ann');
    my $id;
    $id = $ann->post('/api/videos', {title => "Film $_", description => "What it is about, in a line or two: $_."})->json->{id} for 1 .. 24;
    my $list = '/api/videos?limit=24';
    $site->get($list, headers => {'Accept-Encoding' => 'gzip'})->is(200)->header_is('Content-Encoding', 'gzip')->header_like('Vary', qr/Accept-Encoding/);
    $site->get($list)->is(200)->header_is('Content-Encoding', undef, 'who does not ask gets it as it is');
    $site->get("/api/videos/$id", headers => {'Accept-Encoding' => 'gzip'})->is(200)->header_is('Content-Encoding', undef, 'and what is small');
    my $bytes = 0;
    for my $path ('/', $list, keys %wanted, '/style.css', '/icon.svg') {
        my $response = $site->get($path, headers => {'Accept-Encoding' => 'gzip'})->is(200);
        $bytes += length($response->{head}) + length($response->body);
        next if $path eq '/';
        $response->header_is('Content-Encoding', 'gzip', "$path is small") if $path eq $list || -s "$WEB$path" > 600;
    }
    cmp_ok $bytes, '<', 40_000, "all of it is $bytes bytes";
};

subtest 'what pages may do' => sub {
    for my $response ($site->get('/'), $site->get('/nothing', %page), $site->get('/main.js')) {
        my $policy = $response->header('Content-Security-Policy');
        like $policy, qr/^default-src 'none';/, "$response->{request}: nothing but what is named";
        unlike $policy, qr/unsafe|http:|https:|\*|data:/, 'no others, and nothing inline';
        like $policy, qr/\Q$_\E(?:;|$)/, $_ for "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "base-uri 'none'";
        $response->header_is('X-Frame-Options', 'DENY')->header_is('Referrer-Policy', 'same-origin')
            ->header_is('X-Content-Type-Options', 'nosniff')->header_is('Cross-Origin-Opener-Policy', 'same-origin')
            ->header_like('X-Request-Id', qr/^[0-9a-f]{32}$/);
    }
    unlike $index, qr/<style|<script>|style=|\son\w+=|https?:/, 'the page has nothing inline, and nothing of others';
    for my $path (grep { /\.js$/ } @files) {
        unlike content("$WEB$path"), qr/innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|DOMParser/, "$path makes no markup";
    }
};

# The texts of a language: name => text.
sub texts ($language) { return {content("$WEB/text/$language.js") =~ /^  (\w+): '(.*)',$/mg} }

subtest 'two languages' => sub {
    my ($english, $chinese) = map { texts($_) } qw(en zh);
    is_deeply [sort keys %$chinese], [sort keys %$english], 'have the same texts';
    my %used = map { $_ => 1 } map { content("$WEB$_") =~ /\bt\((?:missing \? )?'(\w+)'/g } grep { /\.js$/ } @files;
    is_deeply [grep { !defined $english->{$_} } sort keys %used], [], 'all that are used are there';
    my ($in_english, $in_chinese) = map { my $texts = $_; +{map { $_ => join ' ', sort $texts->{$_} =~ /\{\w+\}/g } keys %$texts} }
        $english, $chinese;
    is_deeply $in_chinese, $in_english, 'and have the same places for values';
    my %named = map { $_ => 1 } map { content("$WEB$_") =~ /'(\w+)'/g } grep { /\.js$/ && !m{^/text/} } @files;
    is_deeply [grep { !$named{$_} && !/^problem_/ } sort keys %$english], [], 'no other is there';
    my @sources = ("$WEB/../nginx/nginx.conf.in");
    find(sub { push @sources, $File::Find::name if /\.c$/ }, map { "$WEB/../$_" } qw(fcgi-api fcgi-stream lib));
    my $said = join '', map { content($_) } @sources;
    my @details = content("$WEB/text/zh.js") =~ /^    '(.*)': '/mg;
    cmp_ok scalar @details, '>', 20, 'what the server says is known in the other';
    is_deeply [grep { my $text = s/^\w+ (is empty)$/$1/r; $said !~ /"(?:%s )?\Q$text\E"/ } @details], [], 'as it says it';
};

done_testing;
