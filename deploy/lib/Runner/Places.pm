package Runner::Places;

# Where the site keeps things. What must last is in the state folder:
#
#   lock  log/  postgresql/  media/ (or VS_MEDIA_DIR)  run (a link to the other one)
#
# What lasts as long as the machine runs is on tmpfs, under a name made from the state folder's. It is
# short, since the path of a unix socket may have 107 bytes:
#
#   pool/        the pools' sockets and the journal; theirs
#   nginx/       nginx's configuration and temporary files
#   postgresql/  PostgreSQL's socket
#   web/         a copy of the web folder, where nginx can't read the original

use v5.36;

use Cwd         ();
use Digest::SHA ();
use File::Path  ();
use File::Spec  ();

use Runner::Account;
use Runner::Command;

use constant {
    TMPFS           => '/dev/shm',
    STATE_OF_SYSTEM => '/var/lib/video-server',
};

# Only finds out the paths; nothing is made.
#
# checkout  the folder of this site's program
# pools     the account of the pools and of nginx's workers
# database  the account of PostgreSQL; undef when the site has none of its own
sub new ($class, %site) {
    my $self = bless {%site}, $class;
    $self->{state} = $self->_state;
    $self->{run} = sprintf '%s/video-server-%d-%s', TMPFS, $>, substr Digest::SHA::sha1_hex($self->{state}), 0, 12;
    return $self;
}

sub state_folder ($self)        { return $self->{state} }
sub run_folder   ($self)        { return $self->{run} }
sub state_path   ($self, $name) { return "$self->{state}/$name" }
sub run_path     ($self, $name) { return "$self->{run}/$name" }

# VS_MEDIA_DIR when it is set, else media/ in the state folder.
sub media_folder ($self, $setting) {
    return $setting eq '' ? $self->state_path('media') : Cwd::realpath($setting) // File::Spec->rel2abs($setting);
}

sub make_state ($self) {
    _make_path($self->{state});
    _demand_entry($_, $self->{state}, 'VS_STATE_DIR') for $self->_accounts;
    return;
}

sub make_rest ($self, $media) {
    my $me = Runner::Account->current;
    $me->own_folder($self->state_path('log'), 0750, $self->{pools});    # nginx's workers open their log again
    _make_path($media) if $media ne $self->state_path('media');
    $self->{pools}->own_folder($media, 0750);
    _demand_entry($self->{pools}, $media, 'VS_MEDIA_DIR');
    $self->{pools}->own_folder("$media/incoming", 0750);

    $self->_make_run;
    $self->{pools}->own_folder($self->run_path('pool'), 0750);
    $me->own_folder($self->run_path('nginx'), 0755);
    $self->{database}->own_folder($self->run_path('postgresql'), 0755) if $self->{database};
    return;
}

# Where nginx's workers can read the website.
sub web_folder ($self) {
    my $original = "$self->{checkout}/web";
    return $original if $self->{pools}->can_read($original, 'index.html') && $original !~ /["\\\$]/;
    my $copy = $self->run_path('web');
    File::Path::remove_tree($copy);
    Runner::Command::output(['cp', '-R', '--', $original, $copy]);
    Runner::Command::output(['chmod', '-R', 'a+rX', '--', $copy]);
    return $copy;
}

# VS_STATE_DIR; else var/ in the checkout, when all who need it can enter that; else one of the system's.
sub _state ($self) {
    my $wanted = $ENV{VS_STATE_DIR} // '';
    return Cwd::realpath($wanted) // File::Spec->rel2abs($wanted) if $wanted ne '';
    my $usual = "$self->{checkout}/var";
    return $usual unless grep { !$_->can_enter($self->{checkout}) } $self->_accounts;
    my $name = $self->{checkout} =~ s{.*/}{}r =~ s{[^\w.-]+}{-}gr;
    return sprintf '%s/%s-%s', STATE_OF_SYSTEM, $name, substr Digest::SHA::sha1_hex($self->{checkout}), 0, 8;
}

sub _accounts ($self) { return grep { defined } @$self{qw(pools database)} }

# Others can write to tmpfs, so a folder that is there already must be ours and no link elsewhere.
sub _make_run ($self) {
    my $path = $self->{run};
    mkdir $path, 0711 or $!{EEXIST} or die "cannot make the folder $path: $!\n";
    my ($mode, $owner) = (lstat $path)[2, 4];
    die "$path is not a folder of this user's; remove it\n" if !-d _ || -l _ || $owner != $>;
    chmod 0711, $path or die "cannot set the mode of $path: $!\n";

    my $link = $self->state_path('run');
    return if (readlink $link // '') eq $path;
    unlink $link;
    symlink $path, $link or die "cannot make the link $link: $!\n";
    return;
}

sub _demand_entry ($account, $folder, $setting) {
    return if $account->can_enter($folder);
    die sprintf "the user %s cannot enter %s; set %s to a folder that it can\n", $account->name, $folder, $setting;
}

sub _make_path ($path) {
    File::Path::make_path($path, {error => \my $errors});
    return if !@$errors;
    my ($reason) = values %{$errors->[0]};
    die "cannot make the folder $path: $reason\n";
}

1;
