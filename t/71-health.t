# /livez and /readyz: what they tell a load balancer, and when.

use v5.36;
use File::Glob qw(:bsd_glob);    # paths may have spaces

use FindBin;

use lib "$FindBin::Bin/lib";
use Cluster;
use Site;

my $cluster = Cluster->start;
my $site = Site->start(cluster => $cluster, VS_API_PROCESSES => 1);

# A worker that is connecting while the database goes down logs an error.
$site->expect_log(qr/event=db_failed/);

# Waits until /readyz returns this status.
sub readiness_becomes ($status, $name) { return $site->soon(sub { $site->get('/readyz')->status == $status }, $name) }

sub is_not_ready ($code, $detail) {
    my $response = $site->get('/readyz')->is(503)->problem($code);
    is $response->json->{detail}, $detail, 'the detail names the cause';
    $site->get('/livez')->is(200, '/livez still returns 200');
    return;
}

subtest 'a healthy site is alive and ready' => sub {
    for my $slash ('', '/') {
        $site->get("/livez$slash")->is(200)->json_is({status => 'alive'})->header_is('Content-Type', 'application/json');
        $site->get("/readyz$slash")->is(200)->json_is({status => 'ready'});
        $site->head("/readyz$slash")->is(200)->body_is('');
    }
    $site->get('/readyz', from => '127.0.0.2')->is(200, 'clients on other machines may request /readyz');
    $site->post('/livez', 'x')->is(405)->problem('009')->header_is('Allow', 'OPTIONS, GET, HEAD');
    $site->get($_)->is(404) for '/livez/x', '/livezx', '/api/livez';
    is_deeply [glob "$site->{media}/incoming/{*,.p*}"], [], 'the write check leaves no file behind';
};

subtest 'the site is not ready while the database is down' => sub {
    $site->expect_log(qr/the database system is (?:shutting down|starting up)/);
    $cluster->down;
    readiness_becomes(503, '/readyz returns 503 once the database is down');
    is_not_ready('004', 'the database does not answer');
    $cluster->up;
    readiness_becomes(200, '/readyz returns 200 once the database is up');
};

subtest 'the site is not ready while the database hangs' => sub {
    $cluster->freeze($site);
    my $response = $site->get('/readyz', seconds => 10)->is(503, '/readyz answers 503 within its timeout')->problem('004');
    $site->get('/livez')->is(200);
    $cluster->thaw;
    readiness_becomes(200, '/readyz returns 200 once the database continues');
};

subtest 'the site is not ready while no file can be written' => sub {
    my $incoming = "$site->{media}/incoming";
    rename $incoming, "$incoming.away" or die "cannot rename $incoming: $!\n";
    is_not_ready('012', "the media folder is not writable");
    ok $site->log_lines(qr/event=disk_not_writable id=\S+ reason="No such file or directory"/), 'the reason is logged';
    rename "$incoming.away", $incoming or die "cannot rename $incoming: $!\n";
    $site->get('/readyz')->is(200, '/readyz returns 200 once the folder is back');

    chmod 0500, $incoming or die "cannot change $incoming: $!\n";
    is_not_ready('012', "the media folder is not writable");
    chmod 0750, $incoming or die "cannot change $incoming: $!\n";
    $site->get('/readyz')->is(200, '/readyz returns 200 once files can be created');
};

subtest 'the site is not ready while the disk is full' => sub {
    plan skip_all => 'mounting a file system requires root' if $> != 0;
    my @mount = ('mount', '-t', 'tmpfs', '-o', 'size=64k,mode=0777', 'tmpfs');
    my ($status) = Runner::Command::capture([@mount, "$site->{media}/incoming"]);
    plan skip_all => 'file systems cannot be mounted here' if $status != 0;
    $site->get('/readyz')->is(200, '/readyz returns 200 with a little free space');
    Runner::Command::capture(['dd', 'if=/dev/zero', "of=$site->{media}/incoming/fill", 'bs=4k']);
    is_not_ready('012', "the media folder is not writable");
    Runner::Command::output(['umount', "$site->{media}/incoming"]);
    $site->get('/readyz')->is(200, '/readyz returns 200 once the disk has free space');
};

done_testing;
