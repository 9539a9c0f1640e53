package Gallery;

# Fills a site with users, videos and comments, so that every page has content to check.
#
#   my $gallery = Gallery::fill($site, 'testcard.webm');
#   for my $page ($gallery->public_pages) { ... }

use v5.36;
use utf8;

use MIME::Base64 qw(decode_base64);

use constant PASSWORD => 'correct horse battery';

# The views in which each page is checked (see Browser::emulate).
use constant VIEWS => map { my $theme = $_; map { {%$_, theme => $theme} }
    {device => 'desktop', width => 1280, height => 900}, {device => 'phone', width => 360, height => 780} } qw(light dark);

my @TITLES = (
    [ann => 'Morning on the lake'],
    [mei => '西湖的雨天'],
    [bob => 'How to sharpen a plane iron, slowly and in one take, with all the mistakes left in'],
    [ann => 'Bread'],
    [mei => '骑行日记：第三天'],
    [bob => 'Concert in the old town hall'],
    [ann => 'A walk through the harbour at night'],
    [bob => 'Swifts'],
);
my @COMMENTS = ([bob => 'Lovely colours.'], [mei => '画面很美！'], [bob => "Where was this?\nI would like to go there."]);

# `file` is a video file that browsers can play.
sub fill ($site, $file) {
    my %user = map { $_ => $site->user($_, PASSWORD) } qw(ann mei bob);
    my @videos;
    for my $title (@TITLES) {
        my ($name, $text) = @$title;
        my $about = "What it is about, in a line or two.\nSecond line.";
        push @videos, $user{$name}->post('/api/videos', {title => $text, description => $about})->json->{id};
        _upload($user{$name}, $videos[-1], $file);
    }
    $user{ann}->post('/api/videos', {title => 'No file yet'});
    $user{$_->[0]}->post("/api/videos/$videos[0]/comments", {content => $_->[1]}) for @COMMENTS;
    $site->sql(q{UPDATE videos SET create_time = now() - (id * id) * interval '5 hours'});
    return bless {posters => [map { [$user{$TITLES[$_][0]}, $videos[$_]] } 0 .. $#videos], video => "/videos/$videos[0]", user => '/users/' . $user{ann}->id}, __PACKAGE__;
}

# Retries, because the token of the previous upload may not be free yet.
sub _upload ($user, $id, $path) {
    $user->site->soon(sub { $user->upload($id, $path)->status == 201 }, "$path is uploaded to video $id", 60)
        or die "cannot fill the gallery\n";
    return;
}

# Adds videos named Video 1 (the newest) to Video COUNT. Browsers can't play their files.
sub add_videos ($user, $count) {
    my $path = Site::Media::path($user->site->folder, 'short.mp4', 200);
    for my $number (1 .. $count) {
        my $id = $user->post('/api/videos', {title => "Video $number"})->json->{id};
        _upload($user, $id, $path);
    }
    $user->site->sql(q{UPDATE videos SET create_time = now() - substr(title, 7)::int * interval '1 hour' WHERE title ~ '^Video \d+$'});
    return;
}

# Gives most videos a poster, a landscape that the browser draws.
sub add_posters ($self, $browser) {
    for my $poster (@{$self->{posters}}) {
        my ($user, $id) = @$poster;
        next if $id % 4 == 0;    # these show the placeholder
        my $image = $browser->script(<<'JS', $id);
            const hue = 200 + arguments[0] * 47;
            const canvas = Object.assign(document.createElement('canvas'), {width: 640, height: 360});
            const pen = canvas.getContext('2d');
            const sky = pen.createLinearGradient(0, 0, 0, 300);
            sky.addColorStop(0, `hsl(${hue} 55% 42%)`);
            sky.addColorStop(1, `hsl(${hue + 40} 70% 82%)`);
            pen.fillStyle = sky;
            pen.fillRect(0, 0, 640, 360);
            pen.fillStyle = `hsl(${hue + 60} 90% 90%)`;
            pen.beginPath();
            pen.arc(120 + arguments[0] * 53 % 400, 120, 34, 0, 7);
            pen.fill();
            for (const layer of [0, 1, 2]) {
                pen.fillStyle = `hsl(${hue + 20 * layer} 35% ${44 - 13 * layer}%)`;
                pen.beginPath();
                pen.moveTo(0, 360);
                for (let x = 0; x <= 640; x += 4) pen.lineTo(x, 210 + 45 * layer - 38 * Math.sin(x / (90 - 18 * layer) + arguments[0] + 2 * layer));
                pen.lineTo(640, 360);
                pen.fill();
            }
            return canvas.toDataURL('image/jpeg', 0.8).split(',')[1];
JS
        $user->put("/stream/videos/$id/poster", decode_base64($image), headers => {'Content-Type' => 'image/jpeg'});
    }
    return;
}

# [name, path, a text on the page] of every page that is public.
sub public_pages ($self) {
    return (
        [home => '/', 'Bread'], [video => $self->{video}, 'Lovely colours.'], [user => $self->{user}, 'Bread'],
        [search => '/?q=walk', 'harbour'], ['search-nothing' => '/?q=nothing+like+it', 'No videos match'],
        [login => '/login', 'New here?'], [register => '/register', 'Already have an account?'], [missing => '/nothing', 'Not found'],
    );
}

# The same for pages that need a login.
sub private_pages ($self) {
    return (
        ['own-video' => $self->{video}, 'Edit'], ['own-user' => $self->{user}, 'No file yet'],
        [upload => '/upload', 'Drop a video file here'], [settings => '/settings', 'This browser'],
    );
}

sub log_in ($browser, $name = 'ann') {
    $browser->go('/login')->fill('Username', $name)->fill('Password', PASSWORD)->click('main button', 'Log in')->find('a', $name);
    return;
}

1;
