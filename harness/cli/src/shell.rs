//! What other programs need to know of the command: completions and the manual page.

use clap_complete::Shell;

/// The completions of a shell.
pub(crate) fn completions(shell: Shell) -> String {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut crate::command(), "linkbait", &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

/// The manual page, in roff; subcommands follow one another.
pub(crate) fn man() -> std::io::Result<String> {
    let mut text = Vec::new();
    let mut command = crate::command();
    command.build();
    clap_mangen::Man::new(command.clone()).render(&mut text)?;
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
        let page = clap_mangen::Man::new(sub.clone());
        page.render_title(&mut text)?;
        page.render_synopsis_section(&mut text)?;
        page.render_description_section(&mut text)?;
        page.render_options_section(&mut text)?;
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}
