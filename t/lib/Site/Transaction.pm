package Site::Transaction;

# A transaction that stays open while the test does other things, so that requests have to wait for its
# locks. It is rolled back when it goes out of scope.
#
#   my $lock = $site->transaction('LOCK TABLE videos');
#   my $waiting = $ann->open('POST', '/api/videos', json => {title => 'Bunny'});
#   $lock->commit;

use v5.36;

use IPC::Open2 qw(open2);

use constant DONE => 'statement executed';

# psql: the Site::Psql to connect with. Returns when the statement has been executed.
sub new ($class, $psql, $statement) {
    my $self = bless {}, $class;
    $self->{pid} = open2($self->{answers}, $self->{asks}, $psql->command);
    $self->{asks}->autoflush;
    $self->do("BEGIN;\n$statement");
    return $self;
}

# Executes another statement and waits until it is done.
sub do ($self, $statement) {
    $self->send($statement);
    return $self->await;
}

# Sends a statement that may block; await returns when it has been executed.
sub send ($self, $statement) {
    print {$self->{asks}} "$statement;\nSELECT '${\DONE}';\n";
    return;
}

sub await ($self) {
    while (defined(my $line = readline $self->{answers})) {
        return if $line =~ DONE;
    }
    die "a statement of the test's transaction failed\n";
}

sub commit ($self) {
    $self->do('COMMIT');
    return $self->_end;
}

sub _end ($self) {
    my $pid = delete $self->{pid} or return;
    close $self->{asks};
    close $self->{answers};
    waitpid $pid, 0;
    return;
}

sub DESTROY ($self) {
    local ($?, $!);
    $self->_end;
    return;
}

1;
