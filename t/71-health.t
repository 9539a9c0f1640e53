# Alive and ready: what a load balancer is told, and when.

use v5.36;

use FindBin;

use lib "$FindBin::Bin/lib";
use Cluster;
use Site;

my $cluster = Cluster->start;
my $site = Site->start(cluster => $cluster, VS_API_PROCESSES => 1);

# Who is connecting when the database goes away says so as an error.
$site->expect_log(qr/event=db_failed/);

# Whether the site is ready, as soon as it can know.
sub becomes ($status, $name) { return $site->soon(sub { $site->get('/readyz')->status == $status }, $name) }

sub not_ready ($code, $detail) {
    my $response = $site->get('/readyz')->is(503)->problem($code);
    is $response->json->{detail}, $detail, $detail;
    $site->get('/livez')->is(200, 'it is alive all the same');
    return;
}

subtest 'all is well' => sub {
    for my $slash ('', '/') {
        $site->get("/livez$slash")->is(200)->json_is({status => 'alive'})->header_is('Content-Type', 'application/json');
        $site->get("/readyz$slash")->is(200)->json_is({status => 'ready'});
        $site->head("/readyz$slash")->is(200)->body_is('');
    }
    $site->get('/readyz', from => '127.0.0.2')->is(200, 'other machines may ask');
    $site->post('/livez', 'x')->is(405)->problem('009')->header_is('Allow', 'OPTIONS, GET, HEAD');
    $site->get($_)->is(404) for '/livez/x', '/livezx', '/api/livez';
    is_deeply [glob "$site->{media}/incoming/{*,.p*}"], [], 'no file is left of the attempt to write one';
};

subtest 'no database' => sub {
    $site->expect_log(qr/the database system is (?:shutting down|starting up)/);
    $cluster->down;
    becomes(503, 'not ready when it has gone');
    not_ready('004', 'the database does not answer');
    $cluster->up;
    becomes(200, 'ready when it is back');
};

subtest 'a database that hangs' => sub {
    $cluster->freeze($site);
    my $response = $site->get('/readyz', seconds => 10)->is(503, 'is told in time')->problem('004');
    $site->get('/livez')->is(200);
    $cluster->thaw;
    becomes(200, 'ready when it goes on');
};

subtest 'no disk' => sub {
    my $incoming = "$site->{media}/incoming";
    rename $incoming, "$incoming.away" or die "cannot rename $incoming: $!\n";
    not_ready('012', "the media directory is not writable");
    ok $site->log_lines(qr/event=disk_not_writable id=\S+ reason="No such file or directory"/), 'the log says why';
    rename "$incoming.away", $incoming or die "cannot rename $incoming: $!\n";
    $site->get('/readyz')->is(200, 'ready when it is back');

    chmod 0500, $incoming or die "cannot change $incoming: $!\n";
    not_ready('012', "the media directory is not writable");
    chmod 0750, $incoming or die "cannot change $incoming: $!\n";
    $site->get('/readyz')->is(200, 'ready when files can be made again');
};

subtest 'a full disk' => sub {
    plan skip_all => 'this test mounts a file system, and so needs root' if $> != 0;
    my @mount = ('mount', '-t', 'tmpfs', '-o', 'size=64k,mode=0777', 'tmpfs');
    my ($status) = Runner::Command::capture([@mount, "$site->{media}/incoming"]);
    plan skip_all => 'nothing can be mounted here' if $status != 0;
    $site->get('/readyz')->is(200, 'ready with a little room');
    Runner::Command::capture(['dd', 'if=/dev/zero', "of=$site->{media}/incoming/fill", 'bs=4k']);
    not_ready('012', "the media directory is not writable");
    Runner::Command::output(['umount', "$site->{media}/incoming"]);
    $site->get('/readyz')->is(200, 'ready with the other disk');
};

done_testing;
