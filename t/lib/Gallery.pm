package Gallery;

# A site with something on every page, to be looked at.
#
#   my $gallery = Gallery::fill($site);
#   for my $page ($gallery->pages) { ... }

use v5.36;
use utf8;

use constant PASSWORD => 'correct horse battery';

# The ways in which all of it is to be looked at (see Browser::show).
use constant WAYS => map { my $theme = $_; map { {%$_, theme => $theme} }
    {where => 'desk', width => 1280, height => 900}, {where => 'phone', width => 360, height => 780} } qw(light dark);

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

sub fill ($site, $film) {
    my %user = map { $_ => $site->user($_, PASSWORD) } qw(ann mei bob);
    my @videos;
    for my $title (@TITLES) {
        my ($name, $text) = @$title;
        my $about = "What it is about, in a line or two.\nSecond line.";
        push @videos, $user{$name}->post('/api/videos', {title => $text, description => $about})->json->{id};
        $user{$name}->upload($videos[-1], $film);
    }
    $user{ann}->post('/api/videos', {title => 'Not filmed yet'});
    $user{$_->[0]}->post("/api/videos/$videos[0]/comments", {content => $_->[1]}) for @COMMENTS;
    $site->sql(q{UPDATE videos SET create_time = now() - (id * id) * interval '5 hours'});
    return bless {video => "/videos/$videos[0]", user => '/users/' . $user{ann}->id}, __PACKAGE__;
}

# Adds so many films of a user's, Film 1 being the newest. No browser can play them.
sub add_films ($user, $count) {
    my $path = Site::Media::path($user->site->folder, 'short.mp4', 200);
    for my $number (1 .. $count) {
        my $id = $user->post('/api/videos', {title => "Film $number"})->json->{id};
        $user->upload($id, $path);
    }
    $user->site->sql(q{UPDATE videos SET create_time = now() - substr(title, 6)::int * interval '1 hour' WHERE title ~ '^Film \d+$'});
    return;
}

# [name, address, a text that is there] of every page: first those that anybody sees.
sub public_pages ($self) {
    return (
        [home => '/', 'Bread'], [video => $self->{video}, 'Lovely colours.'], [user => $self->{user}, 'Bread'],
        [search => '/?q=walk', 'harbour'], ['search-nothing' => '/?q=nothing+like+it', 'No video has'],
        [login => '/login', 'New here?'], [register => '/register', 'You have an account?'], [missing => '/nothing', 'Not found'],
    );
}

sub private_pages ($self) {
    return (
        ['own-video' => $self->{video}, 'Edit'], ['own-user' => $self->{user}, 'Not filmed yet'],
        [upload => '/upload', 'Drop a film here'], [settings => '/settings', 'This browser'],
    );
}

sub log_in ($browser, $name = 'ann') {
    $browser->go('/login')->fill('Name', $name)->fill('Password', PASSWORD)->click('main button', 'Log in')->find('a', $name);
    return;
}

1;
