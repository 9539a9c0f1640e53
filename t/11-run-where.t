# Where the site can run: in which folders, as whom, beside what else.

use v5.36;

use FindBin;
use File::Temp qw(tempdir);

use lib "$FindBin::Bin/lib";
use Cluster;
use Site;

my $BUILD = $ENV{VS_BUILD} // 'build';

# A copy of what it takes to run the site, in a new folder that belongs to the user and has a space in
# its path. The mode is that of the folder above.
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

# What every place has to give: a user, a video, the start page, a deletion.
sub works ($site) {
    my $ann = $site->user('ann');
    my $vid = $ann->post('/api/videos', {title => 'Bunny'})->is(201)->json->{id};
    $ann->upload($vid, 'bunny.mp4')->is(201);
    $site->get("/stream/videos/$vid")->is(200)->body_is(Site::Media::content('mp4'));
    $site->get('/')->is(200)->like(qr/video-server/);
    $ann->delete("/api/videos/$vid")->is(204);
    $site->soon(sub { !$site->media_files }, 'the file goes');
    return;
}

# The names of the users that a site's processes run as.
sub users_of ($site) {
    my %users = map { $_ => 1 } map { scalar getpwuid((stat "/proc/$_->[0]")[4] // next) } Site::Processes::below($site->pid);
    return sort keys %users;
}

subtest 'a checkout that the other users cannot enter' => sub {
    plan skip_all => 'needs root' if $> != 0;
    my $site = Site->start(checkout => copy_checkout('root', 0700), VS_STATE_DIR => '', build => 'build');
    like $site->state_path(''), qr{^/var/lib/video-server/my-videos-}, 'keeps its state elsewhere';
    is_deeply [users_of($site)], [qw(postgres root www-data)], 'and uses them all the same';
    works($site);
    $site->stop;
    rmdir '/var/lib/video-server';
};

subtest 'an ordinary user' => sub {
    plan skip_all => 'needs root' if $> != 0;
    my $checkout = copy_checkout('nobody', 0700);
    my $site = Site->start(checkout => $checkout, as => 'nobody', VS_STATE_DIR => '', build => 'build');
    is $site->state_path(''), "$checkout/var/", 'keeps the state in the checkout';
    is_deeply [users_of($site)], ['nobody'], 'is all there is';
    works($site);
    $site->stop;
};

subtest 'two sites side by side' => sub {
    my ($one, $other) = (Site->start, Site->start);
    works($_) for $one, $other;
    my $vid = $one->user('ann')->post('/api/videos', {title => 'Bunny'})->is(201)->json->{id};
    $one->get("/api/videos/$vid")->is(200);
    $other->get("/api/videos/$vid")->is(404);
    $one->stop;
    $other->get('/api/videos')->is(200, 'one goes on without the other');
    $other->stop;
};

subtest 'a PostgreSQL that is there already' => sub {
    my $cluster = Cluster->start;
    my $site = Site->start(cluster => $cluster);
    is_deeply [$site->pids('postgres')], [], 'none of our own is started';
    works($site);
    is $site->sql('SELECT count(*) FROM users'), 1, 'it has the data';
    $site->stop;
};

subtest 'a media folder elsewhere' => sub {
    my $folder = tempdir('video-server-media-XXXXXX', TMPDIR => 1, CLEANUP => 1);
    chmod 0755, $folder;
    my $media = "$folder/meine f\xc3\xbcr dich|'films'";
    my $site = Site->start(VS_MEDIA_DIR => $media);
    works($site);
    ok -d "$media/incoming", 'is used';

    # The journal names the bodies, so that one whose client has gone needn't wait for the sweep.
    my $ann = $site->user('ann');
    my $video = $ann->post('/api/videos', {title => 'Half'})->is(201)->json->{id};
    my $upload = $ann->open('POST', "/stream/videos/$video", body => 'x' x 100_000, headers => {'Content-Length' => 200_000});
    $site->soon(sub { glob "\Q$media\E/incoming/*" }, 'a body begins to arrive');
    $upload->reset;
    $site->soon(sub { !(my @files = glob "\Q$media\E/incoming/*") }, 'and goes with its client');
    $site->stop;
};

subtest 'folders that the other users cannot enter' => sub {
    plan skip_all => 'needs root' if $> != 0;
    my $closed = tempdir('video-server-closed-XXXXXX', TMPDIR => 1, CLEANUP => 1);
    for my $setting ('VS_STATE_DIR', 'VS_MEDIA_DIR') {
        my $site = Site->new($setting => "$closed/inside");
        $site->run;
        ok !$site->await_answer, "$setting is refused";
        like $site->output, qr{www-data cannot enter $closed/inside; set $setting}, 'with a reason';
        $site->remove;
    }
};

done_testing;
