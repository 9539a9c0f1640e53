package Runner::Account;

# A user of the operating system, and how to act as that user: the pools and nginx's workers run as one,
# PostgreSQL as another. An ordinary user has only itself.

use v5.36;

use Runner::Command;

sub current ($class) {
    my @entry = getpwuid $> or die "the user with the number $> has no name (no entry in passwd)\n";
    return $class->new(@entry);
}

sub named ($class, $name) {
    my @entry = getpwnam $name or die "there is no user named $name\n";
    return $class->new(@entry);
}

sub new ($class, @entry) {
    my ($name, $uid, $gid) = @entry[0, 2, 3];
    return bless {name => $name, uid => $uid, gid => $gid, group => scalar getgrgid $gid}, $class;
}

sub name  ($self) { return $self->{name} }
sub group ($self) { return $self->{group} // $self->{gid} }
sub is_me ($self) { return $self->{uid} == $> }

# What setpriv(1) has to be told to become this user.
sub setpriv_options ($self) {
    return $self->is_me ? () : ("--reuid=$self->{uid}", "--regid=$self->{gid}", '--init-groups');
}

sub command ($self, @command) {
    return $self->is_me ? @command : ('setpriv', $self->setpriv_options, '--', @command);
}

# Whether this user can enter a folder, found out by trying.
sub can_enter ($self, $folder) { return $self->_can('cd -- "$1"', $folder) }

# Whether this user can list a folder and read a file in it.
sub can_read ($self, $folder, $file) { return $self->_can('cd -- "$1" && ls && cat -- "$2"', $folder, $file) }

sub _can ($self, $script, @arguments) {
    my ($status) = Runner::Command::capture([$self->command('sh', '-c', $script, 'sh', @arguments)]);
    return $status == 0;
}

# A folder that this user owns, and the group of the other one, if given. Its parent exists; it may exist
# itself.
sub own_folder ($self, $path, $mode, $other = $self) {
    mkdir $path or $!{EEXIST} or die "cannot make the folder $path: $!\n";
    if ($> == 0) {
        chown $self->{uid}, $other->{gid}, $path or die "cannot give $path to $self->{name}: $!\n";
    }
    chmod $mode, $path or die "cannot set the mode of $path: $!\n";
    return $path;
}

1;
