package Runner::Settings;

# The settings in force. `fcgi-api --check-config` is the only one that knows their names, defaults and
# bounds; this file reads what it prints.

use v5.36;

use Runner::Command;

# Fails with the program's own words when a setting is wrong.
sub load ($class, $build) {
    my $program = "$build/fcgi-api";
    -x $program or die "$program is not there: build it first, with make\n";
    my ($status, $output) = Runner::Command::capture([$program, '--check-config']);
    die $output =~ /\S/ ? $output : "$program --check-config failed\n" if $status != 0;
    my %value = $output =~ /^(VS_\w+)=(.*)$/mg;
    return bless \%value, $class;
}

sub get ($self, $name) {
    return $self->{$name} // die "fcgi-api --check-config does not name $name\n";
}

# Names in the environment that look like settings, and are none.
sub unknown ($self) { return sort grep { /^VS_/ && !exists $self->{$_} } keys %ENV }

# The words of a setting that is a list.
sub list ($self, $name) { return grep { length } split /[\s,]+/, $self->get($name) }

1;
