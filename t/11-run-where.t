# Where the site can run: in which folders, as which user, and next to which other programs.

use v5.36;
use File::Glob qw(:bsd_glob);    # paths may have spaces

use FindBin;
use File::Temp qw(tempdir);

use lib "$FindBin::Bin/lib";
use Cluster;
use Site;

my $BUILD = $ENV{VS_BUILD} // 'build';

# Copies what the site needs to run into a new folder that belongs to the user and has a space in its
# path. Returns the path of the copy. mode: the mode of its parent folder.
sub copy_checkout ($user, $mode) {
    my $above = tempdir('video-server-copy-XXXXXX', TMPDIR => 1, CLEANUP => 1);
    my $copy = "$above/my videos";
    mkdir $copy or die "cannot make $copy: $!\n";
    my $original = "$FindBin::Bin/..";
    my $build = $BUILD =~ m{^/} ? $BUILD : "$original/$BUILD";
    mkdir "$copy/build" or die "cannot make $copy/build: $!\n";
    Runner::Command::output(['cp', (map { "$build/$_" } qw(fcgi-api fcgi-stream scheduler)), "$copy/build"]);
    Runner::Command::output(['cp', '-R', (map { "$original/$_" } qw(db deploy nginx web)), $copy]);
    Runner::Command::output(['chown', '-R', $user, $above]) if $> == 0;
    chmod $mode, $above or die "cannot set the mode of $above: $!\n";
    return $copy;
}

# Checks that a user can register, add, upload, watch and delete a video, and that the start page is served.
sub site_works ($site) {
    my $ann = $site->user('ann');
    my $vid = $ann->post('/api/videos', {title => 'Bunny'})->is(201)->json->{id};
    $ann->upload($vid, 'bunny.mp4')->is(201);
    $site->get("/stream/videos/$vid")->is(200)->body_is(Site::Media::content('mp4'));
    $site->get('/')->is(200)->like(qr/video-server/);
    $ann->delete("/api/videos/$vid")->is(204);
    $site->soon(sub { !$site->media_files }, 'the media file is deleted');
    return;
}

# The names of the users that the site's processes run as.
sub process_users ($site) {
    my %users = map { $_ => 1 } map { scalar getpwuid((stat "/proc/$_->[0]")[4] // next) } Site::Processes::below($site->pid);
    my @users = sort keys %users;
    return @users;
}

subtest 'root can run the site from a checkout that other users cannot enter' => sub {
    plan skip_all => 'needs root' if $> != 0;
    my $site = Site->start(checkout => copy_checkout('root', 0700), VS_STATE_DIR => '', build => 'build');
    like $site->state_path(''), qr{^/var/lib/video-server/my-videos-}, 'the state is kept in /var/lib/video-server';
    is_deeply [process_users($site)], [qw(postgres root www-data)], 'the programs run as postgres, root and www-data';
    site_works($site);
    $site->stop;
    rmdir '/var/lib/video-server';
};

subtest 'an ordinary user can run the site' => sub {
    plan skip_all => 'needs root' if $> != 0;
    my $checkout = copy_checkout('nobody', 0700);
    my $site = Site->start(checkout => $checkout, as => 'nobody', VS_STATE_DIR => '', build => 'build');
    is $site->state_path(''), "$checkout/var/", 'the state is kept in the checkout';
    is_deeply [process_users($site)], ['nobody'], 'all programs run as that user';
    site_works($site);
    $site->stop;
};

subtest 'two sites run side by side' => sub {
    my ($one, $other) = (Site->start, Site->start);
    site_works($_) for $one, $other;
    my $vid = $one->user('ann')->post('/api/videos', {title => 'Bunny'})->is(201)->json->{id};
    $one->get("/api/videos/$vid")->is(200, 'the video is on the site on which it was added');
    $other->get("/api/videos/$vid")->is(404, 'the video is not on the other site');
    $one->stop;
    $other->get('/api/videos')->is(200, 'one site keeps running when the other is stopped');
    $other->stop;
};

subtest 'the site uses an existing PostgreSQL server' => sub {
    my $cluster = Cluster->start;
    my $site = Site->start(cluster => $cluster);
    is_deeply [$site->pids('postgres')], [], 'the site starts no PostgreSQL of its own';
    site_works($site);
    is $site->sql('SELECT count(*) FROM users'), 1, 'the data is in the existing server';
    $site->stop;
};

subtest 'the media folder can be anywhere, whatever its name' => sub {
    my $folder = tempdir('video-server-media-XXXXXX', TMPDIR => 1, CLEANUP => 1);
    chmod 0755, $folder;
    my $media = "$folder/meine f\xc3\xbcr dich|'videos'";
    my $site = Site->start(VS_MEDIA_DIR => $media);
    site_works($site);
    ok -d "$media/incoming", 'the media folder is used';

    # The journal lists the incoming files, so that an aborted one is deleted without waiting for the sweep.
    my $ann = $site->user('ann');
    my $video = $ann->post('/api/videos', {title => 'Half'})->is(201)->json->{id};
    my $upload = $ann->open('POST', "/stream/videos/$video", body => 'x' x 100_000, headers => {'Content-Length' => 200_000});
    $site->soon(sub { glob "\Q$media\E/incoming/*" }, 'an upload has an incoming file while it is received');
    $upload->reset;
    $site->soon(sub { !(my @files = glob "\Q$media\E/incoming/*") },
        'the incoming file is deleted when the client disconnects');
    $site->stop;
};

subtest 'folders that www-data cannot enter are rejected' => sub {
    plan skip_all => 'needs root' if $> != 0;
    my $closed = tempdir('video-server-closed-XXXXXX', TMPDIR => 1, CLEANUP => 1);
    for my $setting ('VS_STATE_DIR', 'VS_MEDIA_DIR') {
        my $site = Site->new($setting => "$closed/inside");
        $site->run;
        ok !$site->await_answer, "the site does not start with such a $setting";
        like $site->output, qr{www-data cannot enter $closed/inside; set $setting},
            "the message names the folder and $setting";
        $site->remove;
    }
};

done_testing;
