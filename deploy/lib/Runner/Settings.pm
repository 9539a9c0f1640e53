package Runner::Settings;

# The effective settings, as printed by `fcgi-api --check-config`. Only that program knows
# their names, defaults and bounds.

use v5.36;

use Runner::Command;

# Dies with the program's message when a setting is invalid.
sub load ($class, $build) {
    my $program = "$build/fcgi-api";
    -x $program or die "$program does not exist; run make to build it\n";
    my ($status, $output) = Runner::Command::capture([$program, '--check-config']);
    die $output =~ /\S/ ? $output : "$program --check-config failed\n" if $status != 0;
    my %value = $output =~ /^(VS_\w+)=(.*)$/mg;
    return bless \%value, $class;
}

sub get ($self, $name) {
    return $self->{$name} // die "fcgi-api --check-config does not print $name\n";
}

# VS_* variables in the environment that are not settings.
sub unknown ($self) {
    my @unknown = sort grep { /^VS_/ && !exists $self->{$_} } keys %ENV;
    return @unknown;
}

# The elements of a setting that is a list.
sub list ($self, $name) { return grep { length } split /[\s,]+/, $self->get($name) }

1;
